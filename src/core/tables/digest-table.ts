import { hash } from 'node:crypto'
import { Numbers } from './numbers.ts'

/** Words of 32 bits that are kept of a digest. */
const WORDS = 4

/**
 * Texts of which it need only be known whether they are there, each with a number from 0 on. 128
 * bits of their SHA-256 stand for them: one takes about 30 bytes, however long it is.
 */
export class DigestTable {
  readonly #words = new Numbers(Uint32Array)
  /** Open addressing: the number of a text plus one, 0 where there is none. */
  #slots = new Uint32Array(4096)
  #size = 0

  /** How many texts there are; their numbers are below this. */
  get size(): number {
    return this.#size
  }

  /** Adds a text unless it is there. Returns its number. */
  add(text: string): number {
    const digest = digestOf(text)
    const slot = this.#slotOf(digest, 0)
    const found = this.#slots[slot] as number
    if (found !== 0) return found - 1
    const number = this.#size++
    for (let i = 0; i < WORDS; i++) this.#words.set(number * WORDS + i, digest.get(i))
    this.#slots[slot] = number + 1
    if (this.#size * 2 > this.#slots.length) this.#grow()
    return number
  }

  /** The number of a text; undefined for one that is not there. */
  find(text: string): number | undefined {
    const found = this.#slots[this.#slotOf(digestOf(text), 0)] as number
    return found === 0 ? undefined : found - 1
  }

  has(text: string): boolean {
    return this.find(text) !== undefined
  }

  /** The slot of the digest that begins at `start` of some words, or that it would get. */
  #slotOf(words: { get(place: number): number }, start: number): number {
    const mask = this.#slots.length - 1
    for (let slot = words.get(start) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot] as number
      if (found === 0 || this.#isSame(found - 1, words, start)) return slot
    }
  }

  #isSame(number: number, words: { get(place: number): number }, start: number): boolean {
    for (let i = 0; i < WORDS; i++) if (this.#words.get(number * WORDS + i) !== words.get(start + i)) return false
    return true
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let number = 0; number < this.#size; number++) {
      this.#slots[this.#slotOf(this.#words, number * WORDS)] = number + 1
    }
  }
}

/** JSON keeps apart what has no UTF-8: halves of surrogate pairs. */
function digestOf(text: string): { get(place: number): number } {
  const digest = hash('sha256', JSON.stringify(text), 'buffer')
  return { get: (place) => digest.readUInt32LE(place * 4) }
}
