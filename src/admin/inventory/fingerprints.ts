import { createHash } from 'node:crypto'

/** Of the fingerprint of a name: words of 32 bits. */
const WORDS = 4

/** A slot is a fingerprint, and the group that had it last. */
const SLOT = WORDS + 1

/**
 * A set of names, told apart by 128 bits of their MD5, with the group that each was seen in last: so
 * millions of them take 40 to 80 bytes each and no more.
 */
export class Fingerprints {
  #slots = new Uint32Array(1024 * SLOT)
  #count = 0

  get size(): number {
    return this.#count
  }

  /** Notes a name of a group, a number. Returns the group that had it last; undefined: none. */
  add(name: string, group: number): number | undefined {
    const digest = createHash('md5').update(name).digest()
    const words = Uint32Array.from({ length: WORDS }, (_, i) => digest.readUInt32LE(i * 4))
    if (words.every((word) => word === 0)) words[0] = 1 // all zeroes is an empty slot
    if ((this.#count + 1) * SLOT * 2 > this.#slots.length) this.#grow()
    const slot = this.#find(this.#slots, words)
    const isThere = this.#slots.subarray(slot, slot + WORDS).some((word) => word !== 0)
    const before = isThere ? this.#slots[slot + WORDS] : undefined
    if (!isThere) this.#count += 1
    this.#slots.set(words, slot)
    this.#slots[slot + WORDS] = group
    return before
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    for (let at = 0; at < this.#slots.length; at += SLOT) {
      const words = this.#slots.subarray(at, at + WORDS)
      if (words.some((word) => word !== 0)) larger.set(this.#slots.subarray(at, at + SLOT), this.#find(larger, words))
    }
    this.#slots = larger
  }

  /** Where these words are, or an empty slot where they belong. */
  #find(slots: Uint32Array, words: Uint32Array): number {
    const count = slots.length / SLOT
    for (let at = (words[0] ?? 0) % count; ; at = (at + 1) % count) {
      const slot = at * SLOT
      let [isEmpty, isSame] = [true, true]
      for (let i = 0; i < WORDS; i++) {
        const word = slots[slot + i]
        isEmpty &&= word === 0
        isSame &&= word === words[i]
      }
      if (isEmpty || isSame) return slot
    }
  }
}
