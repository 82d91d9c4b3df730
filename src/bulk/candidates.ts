import { repositoriesIn } from '../core/records/location-log.ts'
import type { Clone } from './clone/clone.ts'
import type { BulkRemote } from './remotes.ts'

/** More remotes than this are not told apart. */
const MOST_REMOTES = 30

/** Set when a repository has the key that is none of the remotes here. */
const ELSEWHERE = 2 ** MOST_REMOTES

/** Where keys may be had, by their location logs: four bytes a key. */
export class Candidates {
  readonly remotes: readonly BulkRemote[]
  readonly #self: string
  #sets = new Uint32Array(1024)
  readonly #speculative: number

  constructor(clone: Clone, remotes: readonly BulkRemote[]) {
    this.remotes = remotes.slice(0, MOST_REMOTES)
    this.#self = clone.uuid
    this.#speculative = this.remotes.reduce((bits, { speculative }, i) => (speculative ? bits | (1 << i) : bits), 0)
  }

  /** Takes in the location log of a key. */
  read(number: number, log: string): void {
    const present = repositoriesIn(log)
    let bits = this.#speculative
    present.delete(this.#self)
    for (const [i, { uuid }] of this.remotes.entries()) if (present.delete(uuid)) bits |= 1 << i
    if (number >= this.#sets.length) {
      const grown = new Uint32Array(2 ** Math.ceil(Math.log2(number + 1)))
      grown.set(this.#sets)
      this.#sets = grown
    }
    this.#sets[number] = bits + (present.size > 0 ? ELSEWHERE : 0)
  }

  has(number: number, remote: number): boolean {
    return ((this.#sets[number] ?? 0) & (1 << remote)) !== 0
  }

  /** Whether one of the remotes may have it, from `first` on. */
  any(number: number, first = 0): boolean {
    return ((this.#sets[number] ?? 0) % ELSEWHERE) >>> first !== 0
  }

  elsewhere(number: number): boolean {
    return (this.#sets[number] ?? 0) >= ELSEWHERE
  }
}
