import { endianness } from 'node:os'
import { decode, encode } from '../../core/text.ts'

/**
 * A hash of a name's UTF-16 units: a polynomial modulo 2^32, which can be computed two units at a
 * time.
 */
export function hashName(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = addUnit(hash, name.charCodeAt(i))
  return spread(hash)
}

const FACTOR = 0x2c9277b5
const FACTOR_SQUARED = Math.imul(FACTOR, FACTOR)

function addUnit(hash: number, unit: number): number {
  return (Math.imul(hash, FACTOR) + unit) | 0
}

/** Makes every bit of a hash depend on all of it. */
function spread(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  const twice = Math.imul(once ^ (once >>> 15), 0x846ca68b)
  return (twice ^ (twice >>> 16)) >>> 0
}

/** A unit of UTF-16 takes so many bytes of UTF-8 at most. */
export const MAX_BYTES_PER_UNIT = 3

/**
 * Turns a list of names in UTF-16, each ended by a NUL, into UTF-8 without any separators, one part
 * of it after the other. Surrogates that stand alone are kept (as three bytes each): names are
 * compared exactly.
 */
export class NameList {
  /** Of each name. */
  readonly hashes: Uint32Array
  /** Where each name ends in the UTF-8 text; bytes. */
  readonly ends: Uint32Array
  /** Names that have ended. */
  count = 0
  /** Length of the longest one, also of the one that has not ended; bytes. */
  longest = 0
  #hash = 0
  /** A high surrogate that waits for its low one. */
  #high = 0
  #written = 0

  constructor(capacity: number) {
    this.hashes = new Uint32Array(capacity)
    this.ends = new Uint32Array(capacity)
  }

  /** False within a name. */
  get atEnd(): boolean {
    return this.#high === 0 && this.#written === this.#start
  }

  /** Where the name begins that has not ended. */
  get #start(): number {
    return this.count === 0 ? 0 : (this.ends[this.count - 1] as number)
  }

  /**
   * Adds units and writes their UTF-8 into `output`, which has to have space for MAX_BYTES_PER_UNIT
   * for each, and for one more. Returns how many bytes it wrote; -1 when there are more names than
   * expected.
   */
  add(units: Uint16Array, output: Uint8Array): number {
    let hash = this.#hash
    let to = 0
    for (let i = 0; i < units.length; ) {
      if (this.#high === 0) {
        // Nearly all names are ASCII: this loop is where the time goes.
        for (const last = units.length - 1; i < last; i += 2) {
          const one = units[i] as number
          const two = units[i + 1] as number
          if (((one - 1) | (0x7f - one) | (two - 1) | (0x7f - two)) < 0) break // not both from 1 to 0x7f
          output[to] = one
          output[to + 1] = two
          to = (to + 2) | 0
          hash = (Math.imul(hash, FACTOR_SQUARED) + Math.imul(one, FACTOR) + two) | 0
        }
        if (i === units.length) break
      }
      const unit = units[i++] as number
      to = this.#addCharacter(unit, output, to)
      if (unit !== 0) {
        hash = addUnit(hash, unit)
        continue
      }
      if (this.count === this.ends.length) return -1
      const end = this.#written + to
      this.longest = Math.max(this.longest, end - this.#start)
      this.hashes[this.count] = spread(hash)
      this.ends[this.count] = end
      this.count += 1
      hash = 0
    }
    this.#hash = hash
    this.#written += to
    this.longest = Math.max(this.longest, this.#written - this.#start)
    return to
  }

  /** Writes a unit, or keeps it until its other half comes; returns where to go on. */
  #addCharacter(unit: number, output: Uint8Array, at: number): number {
    const high = this.#high
    const isHigh = unit >= 0xd800 && unit <= 0xdbff
    const isLow = unit >= 0xdc00 && unit <= 0xdfff
    this.#high = isHigh ? unit : 0
    if (high !== 0 && isLow) return writePair(output, at, high, unit)
    const to = high === 0 ? at : writeUnit(output, at, high)
    return unit === 0 || isHigh ? to : writeUnit(output, to, unit)
  }
}

/** Copies UTF-16LE into `units`, as numbers; returns the part that it took. */
export function copyUnits(bytes: Uint8Array, units: Uint16Array): Uint16Array {
  const copy = Buffer.from(units.buffer, units.byteOffset, bytes.length)
  copy.set(bytes)
  if (endianness() === 'BE') copy.swap16()
  return units.subarray(0, bytes.length / 2)
}

function writeUnit(output: Uint8Array, at: number, unit: number): number {
  let to = at
  if (unit < 0x80) {
    output[to++] = unit
  } else if (unit < 0x800) {
    output[to++] = 0xc0 | (unit >> 6)
    output[to++] = 0x80 | (unit & 0x3f)
  } else {
    output[to++] = 0xe0 | (unit >> 12)
    output[to++] = 0x80 | ((unit >> 6) & 0x3f)
    output[to++] = 0x80 | (unit & 0x3f)
  }
  return to
}

function writePair(output: Uint8Array, at: number, high: number, low: number): number {
  const point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
  output[at] = 0xf0 | (point >> 18)
  output[at + 1] = 0x80 | ((point >> 12) & 0x3f)
  output[at + 2] = 0x80 | ((point >> 6) & 0x3f)
  output[at + 3] = 0x80 | (point & 0x3f)
  return at + 4
}

/** The name as a NameList writes it. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8')
  const units = Uint16Array.from({ length: name.length + 1 }, (_, i) => (i < name.length ? name.charCodeAt(i) : 0))
  const output = Buffer.alloc((units.length + 1) * MAX_BYTES_PER_UNIT)
  return output.subarray(0, new NameList(1).add(units, output))
}

/** The inverse of `encodeName`. */
export function decodeName(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!text.includes('\ufffd')) return text
  return decodeUnits(bytes)
}

function decodeUnits(bytes: Buffer): string {
  let text = ''
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] as number
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    let point = length === 1 ? first : first & (0x7f >> length)
    for (let n = 1; n < length; n++) point = (point << 6) | ((bytes[i + n] as number) & 0x3f)
    text += String.fromCodePoint(point)
    i += length
  }
  return text
}

/**
 * On POSIX a file name is bytes. 7-Zip there writes a byte that is not UTF-8 as one of
 * U+EF80…U+EFFF, and each byte of such a character, where a name has one, too. Seen with 7-Zip
 * 26.02.
 */
const ESCAPED_BYTE = /[\uef80-\uefff]/
const ESCAPE = 0xef00

/** A name as core/text.ts has it, in the form in which 7-Zip on POSIX writes it. */
export function toArchiveName(name: string): string {
  if (name.isWellFormed() && !ESCAPED_BYTE.test(name)) return name
  return Array.from(name, (character) => {
    const point = character.codePointAt(0) ?? 0
    const isText = (point < 0xdc80 || point > 0xdcff) && !ESCAPED_BYTE.test(character)
    return isText ? character : String.fromCharCode(...Array.from(encode(character), (byte) => ESCAPE + byte))
  }).join('')
}

/** The inverse of `toArchiveName`. */
export function fromArchiveName(name: string): string {
  if (!ESCAPED_BYTE.test(name)) return name
  const parts = Array.from(name, (character) =>
    ESCAPED_BYTE.test(character) ? Buffer.from([character.charCodeAt(0) - ESCAPE]) : encode(character),
  )
  return decode(Buffer.concat(parts))
}
