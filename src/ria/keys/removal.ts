import type { CallOptions, Store } from '../../store/store.ts'
import { lookFor, type Seen } from './looks.ts'

/**
 * A removal of loose copies, after which other files are looked for. What is looked up beside it
 * may be seen before the copies are gone, and then somebody may lock the dataset and pack them.
 */
export class Removal {
  readonly #store: Store
  readonly #call: CallOptions
  /** So often a removal was sent, repeated ones too. */
  #sent = 0
  /** Each was sent for the first time, or needs not be. */
  readonly #allSent: Promise<unknown>
  readonly done: Promise<unknown>

  constructor(store: Store, paths: readonly string[], call: CallOptions) {
    this.#store = store
    this.#call = call
    const sent: Promise<void>[] = []
    const done = paths.map((path) => {
      let tell = () => {}
      const isSent = new Promise<void>((resolve) => {
        tell = resolve
      })
      const mayChange = () => {
        this.#sent += 1
        tell()
      }
      const removed = store.remove(path, { ...call, pruneParents: 2, mayChange })
      sent.push(Promise.race([isSent, removed]))
      return removed
    })
    this.done = Promise.all(done)
    this.#allSent = Promise.race([Promise.all(sent), this.done])
    this.#allSent.catch(() => {}) // `done` tells
  }

  /** Looks for files as they are after the removal. */
  async lookAfter(paths: readonly string[]): Promise<Seen> {
    if (this.#store.traits.looksTogether) {
      // Such a server acts in the order in which it is asked: the look may be on its way before
      // the removal is answered, but for one that had to be sent again.
      await this.#allSent
      const sent = this.#sent
      const [seen] = await Promise.all([lookFor(this.#store, paths, this.#call), this.done])
      if (sent === this.#sent) return seen
    }
    await this.done
    return lookFor(this.#store, paths, this.#call)
  }
}
