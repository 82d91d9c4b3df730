import { encode } from '../text.ts'
import { Texts } from './texts.ts'

/**
 * The keys that a command works on, or other names, each with a number from 0 on. A million keys
 * take about 130 MB, outside of the heap that JavaScript's collector walks: an object for each
 * would take several times as much.
 */
export class KeyTable {
  readonly #texts = new Texts()
  /** Open addressing: the number of a key plus one, 0 where there is none. */
  #slots = new Uint32Array(4096)

  /** How many keys there are; their numbers are below this. */
  get size(): number {
    return this.#texts.size
  }

  /** Adds a key unless it is there. Returns its number. */
  add(text: string): number {
    const bytes = encode(text)
    const slot = this.#slotOf(bytes)
    const found = this.#slots[slot] as number
    if (found !== 0) return found - 1
    const number = this.#texts.add(bytes)
    this.#slots[slot] = number + 1
    if (this.size * 2 > this.#slots.length) this.#grow()
    return number
  }

  has(text: string): boolean {
    return this.find(text) !== undefined
  }

  /** The number of a key; undefined for one that is not there. */
  find(text: string): number | undefined {
    return this.findBytes(encode(text))
  }

  /** The same, of the key's bytes. */
  findBytes(bytes: Uint8Array): number | undefined {
    const found = this.#slots[this.#slotOf(bytes)] as number
    return found === 0 ? undefined : found - 1
  }

  text(number: number): string {
    return this.#texts.text(number)
  }

  /** All of them, in the order in which they came. */
  *[Symbol.iterator](): IterableIterator<string> {
    for (let number = 0; number < this.size; number++) yield this.text(number)
  }

  /** The slot that a text has, or would get. */
  #slotOf(bytes: Uint8Array): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(bytes) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot] as number
      if (found === 0 || this.#texts.bytes(found - 1).equals(bytes)) return slot
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let number = 0; number < this.size; number++) this.#slots[this.#slotOf(this.#texts.bytes(number))] = number + 1
  }
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash >>> 0
}
