import type { SftpChannel } from '../ssh/channel.ts'
import { SftpSession } from './session.ts'
import { TemporaryFiles } from './temporary.ts'
import { SftpTree } from './tree.ts'

export interface Connected {
  readonly session: SftpSession
  readonly tree: SftpTree
  readonly temporary: TemporaryFiles
  /** Directories that this session made or met, so that they are not made again for each key. */
  readonly known: Set<string>
}

/** One connection for all jobs: made on first need, and again after it was lost. */
export class SftpConnection {
  readonly #connect: () => Promise<SftpChannel>
  #current: Promise<Connected> | undefined

  readonly #root: string

  /** `root`: the store's absolute path on the server. */
  constructor(connect: () => Promise<SftpChannel>, root: string) {
    this.#connect = connect
    this.#root = root
  }

  async get(): Promise<Connected> {
    for (;;) {
      this.#current ??= this.#open()
      const current = this.#current
      const connected = await current.catch((error: unknown) => {
        if (this.#current === current) this.#current = undefined
        throw error
      })
      if (!connected.session.ended) return connected
      if (this.#current === current) this.#current = undefined
    }
  }

  /** Gives a connection up that does not move any more. */
  async drop(error: Error): Promise<void> {
    const current = this.#current
    this.#current = undefined
    const connected = await current?.catch(() => undefined)
    connected?.session.destroy(error)
  }

  async close(error: Error): Promise<void> {
    const connected = await this.#current?.catch(() => undefined)
    await connected?.temporary.discard()
    await this.drop(error)
  }

  async #open(): Promise<Connected> {
    const session = new SftpSession(await this.#connect())
    const tree = new SftpTree(session, this.#root)
    return { session, tree, temporary: new TemporaryFiles(session, tree), known: new Set() }
  }
}
