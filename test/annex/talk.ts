import type { SpecialRemote } from '../../src/annex/remote.ts'
import { Server, type ServerSettings } from '../../src/annex/serve.ts'
import { encode } from '../../src/core/text.ts'

/** A remote on which everything works at once; tests replace what they look at. */
export function fakeRemote(parts: Partial<SpecialRemote> = {}): SpecialRemote {
  return {
    settings: [{ name: 'url', description: 'where it is' }],
    initialize: async () => {},
    prepare: async () => {},
    store: async () => {},
    retrieve: async () => {},
    checkPresent: async () => true,
    remove: async () => {},
    whereis: async () => undefined,
    cost: async () => 100,
    availability: async () => 'LOCAL',
    info: async () => [],
    close: async () => {},
    ...parts,
  }
}

/** git-annex's side of a conversation. */
export class Talk {
  readonly server: Server
  /** Everything that the remote said, in order. */
  readonly said: string[] = []
  #read = 0
  #wake: () => void = () => {}

  constructor(remote: SpecialRemote, settings: ServerSettings = {}) {
    this.server = new Server(
      remote,
      (line) => {
        this.said.push(line)
        this.#wake()
      },
      settings,
    )
    this.server.start()
  }

  say(...lines: string[]): void {
    for (const line of lines) this.server.push(encode(`${line}\n`))
  }

  /** The next line that was not read yet. */
  async next(): Promise<string> {
    for (;;) {
      const line = this.said[this.#read]
      if (line !== undefined) {
        this.#read += 1
        return line
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Lines that were not read yet, after all that can happen without git-annex has happened. */
  async rest(): Promise<string[]> {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    const lines = this.said.slice(this.#read)
    this.#read = this.said.length
    return lines
  }
}

/** A conversation with the extensions agreed on. */
export async function talk(remote: SpecialRemote, extensions = 'INFO GETGITREMOTENAME ASYNC'): Promise<Talk> {
  const conversation = new Talk(remote)
  conversation.say(`EXTENSIONS ${extensions}`)
  await conversation.rest()
  return conversation
}

/** A promise that a test settles. */
export function hold<T = void>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
