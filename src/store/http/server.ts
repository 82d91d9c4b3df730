import type { StoreError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { packingByServer, rangeHeader } from '../common/http-answer.ts'
import { type Answer, drop, HttpClient, type Method } from '../common/http-client.ts'
import { encodePath } from '../common/http-wire.ts'
import { askForNothing, nobodysNeighbour } from './guard.ts'
import type { HttpRoot } from './root.ts'

export const FIRST_BYTE = rangeHeader({ start: 0, end: 1 })
const FROM_FIRST_BYTE = rangeHeader({ start: 0 })

/** The web server of a store: how it is asked, and what showed of its ways. */
export class WebServer {
  /** The store's root, without credentials and without a slash at its end. */
  readonly root: string
  readonly client: HttpClient
  /** It packs what is asked for as a whole, against our wish; a part it sends as it is. */
  #packsWholes = false

  constructor({ origin, root, authorization }: HttpRoot, git: GitConfig | undefined) {
    this.root = root
    this.client = new HttpClient(origin, () => authorization, git)
  }

  url(path: string): string {
    return path === '' ? this.root : `${this.root}/${encodePath(path)}`
  }

  get packsWholes(): boolean {
    return this.#packsWholes
  }

  /** The headers that ask for a whole file. They ask for a part where wholes come packed. */
  get headersForWhole(): Readonly<Record<string, string>> {
    return this.#packsWholes ? FROM_FIRST_BYTE : {}
  }

  /** Asks for a file or a part of it, for a file once more as for a part when it came packed. */
  async request(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    const request = { op: 'get', url: this.url(path), method: 'GET', signal } as const
    const answer = await this.client.request({ ...request, headers })
    if (answer.status !== 200 || 'range' in headers || packingByServer(answer, path) === undefined) return answer
    await drop(answer)
    this.#packsWholes = true
    return this.client.request({ ...request, headers: FROM_FIRST_BYTE })
  }

  /**
   * Asks for a file that nobody has, like the one at `path`. Whoever does not wait for the answer
   * need not.
   */
  askForNothing(
    op: string,
    path: string,
    method: Method,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<StoreError | undefined> {
    const url = this.url(nobodysNeighbour(path))
    const asked = askForNothing(this.client, { op, url, method, headers, signal }, this.url(path))
    asked.catch(() => {})
    return asked
  }

  close(): void {
    this.client.close()
  }
}
