import { setBit } from '../header/bits.ts'
import { slotsFor } from './index-format.ts'

/** Whether two of the items have the same name. */
export type SameName = (one: number, other: number) => Promise<boolean>

/**
 * More steps per item, or more looks at names than items (and these), are needed only for names
 * that were chosen to collide.
 */
const STEPS_PER_ITEM = 32
const FREE_STEPS = 10_000

/**
 * Names by their hashes: open addressing, linear probing; a slot is the hash and the item's number
 * plus one. Of items with the same name the last one counts, as for the 7z program, which writes it
 * over the others when it extracts them.
 */
export class HashTable {
  readonly slots: Uint32Array
  /** Items with another of their name behind them. */
  readonly superseded: Uint8Array
  count = 0
  readonly #mask: number
  #steps: number
  #looks: number

  constructor(items: number) {
    const slots = slotsFor(items)
    this.slots = new Uint32Array(slots * 2)
    this.superseded = new Uint8Array(Math.ceil(items / 8))
    this.#mask = slots - 1
    this.#steps = FREE_STEPS + items * STEPS_PER_ITEM
    this.#looks = FREE_STEPS + items
  }

  /**
   * Puts an item in, when that needs no look at a name; else it has to be put in by `addSlowly`.
   */
  add(item: number, hash: number): boolean {
    const { slots } = this
    const mask = this.#mask
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      if (slots[slot * 2 + 1] === 0) {
        slots[slot * 2] = hash
        slots[slot * 2 + 1] = item + 1
        this.count += 1
        return true
      }
      if (slots[slot * 2] === hash || --this.#steps < 0) return false
    }
  }

  /** Returns false when the names' hashes collide too often. */
  async addSlowly(item: number, hash: number, sameName: SameName): Promise<boolean> {
    const { slots } = this
    for (let slot = hash & this.#mask; this.#steps-- > 0; slot = (slot + 1) & this.#mask) {
      const there = slots[slot * 2 + 1] as number
      if (there !== 0 && slots[slot * 2] !== hash) continue
      if (there !== 0 && this.#looks-- < 0) return false
      if (there !== 0 && !(await sameName(there - 1, item))) continue
      if (there !== 0) setBit(this.superseded, there - 1)
      else this.count += 1
      slots[slot * 2] = hash
      slots[slot * 2 + 1] = item + 1
      return true
    }
    return false
  }
}
