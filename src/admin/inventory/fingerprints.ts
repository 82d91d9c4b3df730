import { createHash } from 'node:crypto'

/** Of the fingerprint of a name: words of 32 bits. */
const WORDS = 4

/**
 * A set of names that is told apart by 128 bits of their MD5, so that millions of them take 32 to
 * 64 bytes each and no more.
 */
export class Fingerprints {
  #slots = new Uint32Array(1024 * WORDS)
  #count = 0

  get size(): number {
    return this.#count
  }

  /** False when it was there already. */
  add(name: string): boolean {
    const digest = createHash('md5').update(name).digest()
    const words = Uint32Array.from({ length: WORDS }, (_, i) => digest.readUInt32LE(i * 4))
    if (words.every((word) => word === 0)) words[0] = 1 // all zeroes is an empty slot
    if ((this.#count + 1) * WORDS * 2 > this.#slots.length) this.#grow()
    const slot = this.#find(this.#slots, words)
    if (this.#slots.subarray(slot, slot + WORDS).some((word) => word !== 0)) return false
    this.#slots.set(words, slot)
    this.#count += 1
    return true
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    for (let at = 0; at < this.#slots.length; at += WORDS) {
      const words = this.#slots.subarray(at, at + WORDS)
      if (words.some((word) => word !== 0)) larger.set(words, this.#find(larger, words))
    }
    this.#slots = larger
  }

  /** Where these words are, or an empty slot where they belong. */
  #find(slots: Uint32Array, words: Uint32Array): number {
    const count = slots.length / WORDS
    for (let at = (words[0] ?? 0) % count; ; at = (at + 1) % count) {
      const slot = at * WORDS
      const there = slots.subarray(slot, slot + WORDS)
      if (there.every((word, i) => word === words[i]) || there.every((word) => word === 0)) return slot
    }
  }
}
