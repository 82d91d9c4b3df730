import { decode } from '../text.ts'
import { Numbers } from './numbers.ts'

/** Texts are kept in pieces of so many bytes. */
const PIECE_BYTES = 1024 * 1024

/**
 * Names in the order in which they came, each known by its number from 0 on. One takes its bytes
 * and ten more, outside of the heap that JavaScript's collector walks.
 */
export class Texts {
  readonly #pieces: Buffer[] = []
  /** Bytes used of the last piece. */
  #used = PIECE_BYTES
  readonly #places = new Numbers(Float64Array)
  readonly #lengths = new Numbers(Uint16Array)
  #size = 0

  /** How many there are; their numbers are below this. */
  get size(): number {
    return this.#size
  }

  /** Adds a name, as core/text.ts encodes it. Returns its number. */
  add(bytes: Uint8Array): number {
    if (bytes.length > 0xffff) throw new RangeError(`a name of ${bytes.length} bytes is longer than any path`)
    if (this.#used + bytes.length > PIECE_BYTES) {
      this.#pieces.push(Buffer.allocUnsafeSlow(PIECE_BYTES))
      this.#used = 0
    }
    this.#pieces.at(-1)?.set(bytes, this.#used)
    this.#places.set(this.#size, (this.#pieces.length - 1) * PIECE_BYTES + this.#used)
    this.#lengths.set(this.#size, bytes.length)
    this.#used += bytes.length
    return this.#size++
  }

  /** Throws RangeError for a number that none has. */
  bytes(number: number): Buffer {
    const place = this.#places.get(number)
    const piece = this.#pieces[Math.floor(place / PIECE_BYTES)]
    if (piece === undefined || number >= this.#size) throw new RangeError(`there is no name number ${number}`)
    const at = place % PIECE_BYTES
    return piece.subarray(at, at + this.#lengths.get(number))
  }

  text(number: number): string {
    return decode(this.bytes(number))
  }
}
