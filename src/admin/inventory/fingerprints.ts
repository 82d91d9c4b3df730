import { createHash } from 'node:crypto'
import { encode } from '../../core/text.ts'

/** Of a fingerprint: words of 32 bits. */
const WORDS = 3

/** Of a fingerprint, as `entries` gives it. */
export const FINGERPRINT_BYTES = WORDS * 4

/** A slot is a fingerprint and its number. */
const SLOT = WORDS + 1

/**
 * A number below 2^32 for each of many names, which are told apart by 96 bits of their MD5: a
 * million of them take 16 to 64 MB.
 */
export class Fingerprints {
  #slots = new Uint32Array(1024 * SLOT)
  #count = 0

  get size(): number {
    return this.#count
  }

  /** Undefined when nothing was set. */
  get(name: string): number | undefined {
    return this.#numberAt(this.#find(this.#slots, fingerprintOf(name)))
  }

  /** Returns what was set before; undefined: nothing. */
  set(name: string, number: number): number | undefined {
    return this.#put(fingerprintOf(name), number)
  }

  /** The same for a fingerprint of which `entries` told. */
  setFingerprint(bytes: Uint8Array, number: number): void {
    this.#put(wordsOf(Buffer.from(bytes)), number)
  }

  /** All that was set. */
  *entries(): Generator<readonly [bytes: Buffer, number: number], void, void> {
    for (let slot = 0; slot < this.#slots.length; slot += SLOT) {
      const number = this.#numberAt(slot)
      if (number === undefined) continue
      const bytes = Buffer.alloc(FINGERPRINT_BYTES)
      for (let i = 0; i < WORDS; i++) bytes.writeUInt32LE(this.#slots[slot + i] ?? 0, i * 4)
      yield [bytes, number]
    }
  }

  #put(words: Uint32Array, number: number): number | undefined {
    if ((this.#count + 1) * SLOT * 2 > this.#slots.length) this.#grow()
    const slot = this.#find(this.#slots, words)
    const before = this.#numberAt(slot)
    if (before === undefined) this.#count += 1
    this.#slots.set(words, slot)
    this.#slots[slot + WORDS] = number
    return before
  }

  /** An empty slot is all zeroes. */
  #numberAt(slot: number): number | undefined {
    for (let i = 0; i < WORDS; i++) if (this.#slots[slot + i] !== 0) return this.#slots[slot + WORDS]
    return undefined
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    for (let slot = 0; slot < this.#slots.length; slot += SLOT) {
      if (this.#numberAt(slot) === undefined) continue
      const words = this.#slots.subarray(slot, slot + WORDS)
      larger.set(this.#slots.subarray(slot, slot + SLOT), this.#find(larger, words))
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

function fingerprintOf(name: string): Uint32Array {
  return wordsOf(createHash('md5').update(encode(name)).digest())
}

function wordsOf(bytes: Buffer): Uint32Array {
  const words = new Uint32Array(WORDS)
  for (let i = 0; i < WORDS; i++) words[i] = bytes.readUInt32LE(i * 4)
  if (words.every((word) => word === 0)) words[0] = 1
  return words
}
