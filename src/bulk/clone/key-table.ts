import { decode, encode } from '../../core/text.ts'

/** Texts are kept in pieces of so many bytes. */
const PIECE_BYTES = 1024 * 1024

/**
 * The keys that a command works on, each with a number from 0 on. A million of them take about 130
 * MB, outside of the heap that JavaScript's collector walks: an object for each would take several
 * times as much.
 */
export class KeyTable {
  readonly #pieces: Buffer[] = []
  /** Bytes used of the last piece. */
  #used = PIECE_BYTES
  #places = new Float64Array(1024)
  #lengths = new Uint16Array(1024)
  /** Open addressing: the number of a key plus one, 0 where there is none. */
  #slots = new Uint32Array(4096)
  #size = 0

  /** How many keys there are; their numbers are below this. */
  get size(): number {
    return this.#size
  }

  /** Adds a key unless it is there. Returns its number. */
  add(text: string): number {
    const bytes = encode(text)
    const slot = this.#slotOf(bytes)
    const found = this.#slots[slot] as number
    if (found !== 0) return found - 1
    const number = this.#size
    this.#keep(number, bytes)
    this.#slots[slot] = number + 1
    this.#size += 1
    if (this.#size * 2 > this.#slots.length) this.#grow()
    return number
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
    return decode(this.#bytes(number))
  }

  #bytes(number: number): Buffer {
    const place = this.#places[number] as number
    const at = place % PIECE_BYTES
    const piece = this.#pieces[Math.floor(place / PIECE_BYTES)]
    if (piece === undefined) throw new RangeError(`there is no key number ${number}`)
    return piece.subarray(at, at + (this.#lengths[number] as number))
  }

  #keep(number: number, bytes: Buffer): void {
    if (bytes.length > 0xffff) throw new RangeError(`a key of ${bytes.length} bytes is longer than any file name`)
    if (this.#used + bytes.length > PIECE_BYTES) {
      this.#pieces.push(Buffer.allocUnsafeSlow(PIECE_BYTES))
      this.#used = 0
    }
    if (number === this.#places.length) {
      this.#places = grown(this.#places, new Float64Array(number * 2))
      this.#lengths = grown(this.#lengths, new Uint16Array(number * 2))
    }
    this.#pieces.at(-1)?.set(bytes, this.#used)
    this.#places[number] = (this.#pieces.length - 1) * PIECE_BYTES + this.#used
    this.#lengths[number] = bytes.length
    this.#used += bytes.length
  }

  /** The slot that a text has, or would get. */
  #slotOf(bytes: Uint8Array): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(bytes) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot] as number
      if (found === 0 || this.#bytes(found - 1).equals(bytes)) return slot
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let number = 0; number < this.#size; number++) this.#slots[this.#slotOf(this.#bytes(number))] = number + 1
  }
}

function grown<T extends Float64Array | Uint16Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash >>> 0
}
