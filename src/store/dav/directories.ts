import { StoreError } from '../../core/errors.ts'
import { drop } from '../common/http-client.ts'
import { isTop, parentOf } from './paths.ts'
import type { DavCall, DavRequests } from './requests.ts'

/** So many directories are remembered as being there. */
const MAX_KNOWN = 10_000

/** The directories that a store has seen or made. */
export class DavDirectories {
  readonly #requests: DavRequests
  readonly #known = new Set<string>()

  constructor(requests: DavRequests) {
    this.#requests = requests
  }

  /**
   * Sees to it that a directory is there, and makes what is missing below `within`. Throws
   * `missing` when that is not there itself, and `unsupported` when a file is in the way.
   */
  async make(call: DavCall, url: string, within: string | undefined): Promise<void> {
    if (this.#known.has(url) || isTop(url)) return
    const found = await this.#requests.look(call, url)
    if (found === undefined) {
      if (url === within) {
        throw new StoreError({ kind: 'missing', op: call.op, where: url, message: 'no such directory', sent: 'no' })
      }
      await this.make(call, parentOf(url), within)
      await this.#makeOne(call, url, within)
    } else if (!found.isCollection) throw this.#requests.refusal(call, `has a file where ${url} should be a directory`)
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.add(url)
  }

  /** What was seen may be gone: others remove directories, too. */
  forget(): void {
    this.#known.clear()
  }

  async #makeOne(call: DavCall, url: string, within: string | undefined): Promise<void> {
    const answer = await this.#requests.send(call, `${url}/`, { method: 'MKCOL' })
    await drop(answer)
    if (answer.status === 201 || answer.status === 200) return
    // Whoever makes it at the same time is told so by 405, and by some servers that it is
    // forbidden.
    if ((await this.#requests.look(call, url))?.isCollection) return
    if (answer.status === 409) {
      this.forget()
      const { op, where } = call
      const message = `${url === within ? url : parentOf(url)} was removed meanwhile`
      throw new StoreError({ kind: 'transient', op, where, message, sent: 'no' })
    }
    throw this.#requests.failed(call, answer)
  }
}
