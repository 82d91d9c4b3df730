import type { Hasher } from '../../core/hasher.ts'
import type { Bytes, Source } from '../../core/source.ts'
import { Handover } from '../../store/handover.ts'
import type { Stat, Store } from '../../store/store.ts'

/**
 * A file of a store as something that another store can put. Each time that it is read to its end
 * its checksum is computed, and `accept` may throw at it: then nothing is stored.
 */
export class StoredSource implements Source {
  readonly size: number
  readonly #store: Store
  readonly #path: string
  readonly #identity: string
  readonly #start: () => Promise<Hasher>
  readonly #accept: (hex: string) => void
  #hex = ''

  constructor(
    store: Store,
    path: string,
    { size, identity }: Stat,
    start: () => Promise<Hasher>,
    accept: (hex: string) => void,
  ) {
    this.#store = store
    this.#path = path
    this.size = size
    this.#identity = identity
    this.#start = start
    this.#accept = accept
  }

  /** Of what was read last, in hex. */
  get hex(): string {
    return this.#hex
  }

  async *open(signal?: AbortSignal): Bytes {
    const hasher = await this.#start()
    const stop = new AbortController()
    const handed = new Handover()
    let position = 0
    const reading = this.#store
      .get(
        this.#path,
        async (bytes) => {
          for await (const chunk of bytes) {
            await handed.give(chunk)
            position += chunk.length
          }
        },
        {
          range: () => (position === 0 ? undefined : { start: position }),
          ifMatch: this.#identity,
          signal: AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]),
        },
      )
      .then(
        () => handed.end(),
        (error: unknown) => handed.fail(error),
      )
    try {
      for await (const chunk of handed) {
        hasher.update(chunk)
        yield chunk
      }
      this.#hex = hasher.hex()
      this.#accept(this.#hex)
    } finally {
      stop.abort()
      handed.stop()
      await reading
    }
  }
}
