import type { Hasher } from '../hasher.ts'

/**
 * Skein-256-256 and Skein-512-512, after "The Skein Hash Function Family", version 1.3. A word of
 * 64 bits is two halves in an Int32Array, the lower first: node 20 calculates slowly with BigInts.
 */
interface Size {
  /** 64-bit words of a block, of the state, and of the digest. */
  readonly words: number
  /**
   * Four numbers for each mix of eight rounds: the places of the two words' lower halves, whether
   * the second's halves change places (1) when it is rotated, and by how many bits it is besides.
   */
  readonly mixes: Int32Array
}

/** Where each word comes from after a round, and by what a mix rotates its second word. */
const SKEIN_256 = size(
  [0, 3, 2, 1],
  [
    [14, 16],
    [52, 57],
    [23, 40],
    [5, 37],
    [25, 33],
    [46, 12],
    [58, 22],
    [32, 32],
  ],
)
const SKEIN_512 = size(
  [2, 1, 4, 7, 6, 5, 0, 3],
  [
    [46, 36, 19, 37],
    [33, 27, 14, 42],
    [17, 49, 36, 39],
    [44, 9, 54, 56],
    [39, 30, 34, 24],
    [13, 50, 10, 17],
    [25, 29, 39, 43],
    [8, 35, 56, 22],
  ],
)

/** A subkey is added before each four of the 72 rounds, and one after them. */
const SUBKEYS = 19
/** What the parity of the key's words begins with: the constant C240, by its halves. */
const PARITY = [0xa9fc1a22, 0x1bd11bda] as const

/** The tweak's last half: what a block belongs to, and whether it begins or ends that. */
const CONFIGURATION = 4 << 24
const MESSAGE = 48 << 24
const OUTPUT = 63 << 24
const FIRST = 1 << 30
const FINAL = 1 << 31

/** Starts a Skein-256-256 hash. */
export function skein256(): Hasher {
  return new Skein(SKEIN_256)
}

/** Starts a Skein-512-512 hash. */
export function skein512(): Hasher {
  return new Skein(SKEIN_512)
}

/** Words stay where they are: instead of them, the places that are mixed are permuted. */
function size(permutation: readonly number[], rotations: readonly (readonly number[])[]): Size {
  const words = permutation.length
  const mixes: number[] = []
  let places = permutation.map((_, i) => 2 * i)
  for (const round of rotations) {
    for (const [i, rotation] of round.entries()) {
      mixes.push(places[2 * i] ?? 0, places[2 * i + 1] ?? 0, rotation >> 5, rotation & 31)
    }
    places = permutation.map((from) => places[from] ?? 0)
  }
  return { words, mixes: Int32Array.from(mixes) }
}

class Skein implements Hasher {
  readonly #blocks: Blocks
  readonly #block: Uint8Array
  /** Bytes in #block. A whole one waits until it is known whether it is the last. */
  #held = 0
  /** Bytes of the message that are in the state. */
  #position = 0

  constructor({ words, mixes }: Size) {
    this.#blocks = new Blocks(words, mixes)
    this.#block = new Uint8Array(8 * words)
    const bits = 64 * words
    // The configuration: the schema's name, version 1, and the digest's length. There is no tree.
    this.#block.set([...Buffer.from('SHA3'), 1, 0, 0, 0, bits & 255, bits >> 8])
    this.#blocks.add(this.#block, 0, 32, CONFIGURATION | FIRST | FINAL)
  }

  update(bytes: Uint8Array): void {
    const blockBytes = this.#block.length
    for (let start = 0; start < bytes.length; ) {
      if (this.#held === blockBytes) {
        this.#add(this.#block, 0)
        this.#held = 0
      }
      if (this.#held === 0 && bytes.length - start > blockBytes) {
        this.#add(bytes, start)
        start += blockBytes
        continue
      }
      const end = Math.min(bytes.length, start + blockBytes - this.#held)
      this.#block.set(bytes.subarray(start, end), this.#held)
      this.#held += end - start
      start = end
    }
  }

  #add(bytes: Uint8Array, offset: number): void {
    const first = this.#position === 0 ? FIRST : 0
    this.#position += this.#block.length
    this.#blocks.add(bytes, offset, this.#position, MESSAGE | first)
  }

  hex(): string {
    const first = this.#position === 0 ? FIRST : 0
    this.#blocks.add(this.#block.fill(0, this.#held), 0, this.#position + this.#held, MESSAGE | first | FINAL)
    // The output is made of a counter of 64 bits, which is 0 in its only block.
    this.#blocks.add(this.#block.fill(0), 0, 8, OUTPUT | FIRST | FINAL)
    return this.#blocks.hex()
  }
}

/** Chains blocks (UBI): each is encrypted by Threefish, and the state before it is the key. */
class Blocks {
  readonly #words: number
  readonly #mixes: Int32Array
  /** Threefish's key: the state, which is 0 at first, and a word of parity. */
  readonly #key: Int32Array
  readonly #tweak = new Int32Array(6)
  readonly #plain: Int32Array
  readonly #v: Int32Array

  constructor(words: number, mixes: Int32Array) {
    this.#words = words
    this.#mixes = mixes
    this.#key = new Int32Array(2 * words + 2)
    this.#plain = new Int32Array(2 * words)
    this.#v = new Int32Array(2 * words)
  }

  /** `position`: bytes until the block's end, without what was filled up. `kind`: of the tweak. */
  add(bytes: Uint8Array, offset: number, position: number, kind: number): void {
    const [key, tweak, plain, v] = [this.#key, this.#tweak, this.#plain, this.#v]
    const halves = plain.length
    let low: number = PARITY[0]
    let high: number = PARITY[1]
    for (let i = 0; i < halves; i += 2) {
      low ^= key[i] as number
      high ^= key[i + 1] as number
    }
    key[halves] = low
    key[halves + 1] = high
    tweak[0] = tweak[4] = position % 2 ** 32
    tweak[1] = position / 2 ** 32
    tweak[3] = kind
    tweak[5] = (tweak[1] as number) ^ kind
    for (let i = 0, at = offset; i < halves; i++, at += 4) {
      plain[i] =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
    }
    v.set(plain)
    for (let subkey = 0; subkey < SUBKEYS - 1; subkey++) {
      this.#addSubkey(subkey)
      fourRounds(v, this.#mixes, subkey % 2)
    }
    this.#addSubkey(SUBKEYS - 1)
    for (let i = 0; i < halves; i++) key[i] = (v[i] as number) ^ (plain[i] as number)
  }

  /** Adds the key's words in turn; to the last three also the tweak's, and which subkey it is. */
  #addSubkey(subkey: number): void {
    const [v, key, tweak, words] = [this.#v, this.#key, this.#tweak, this.#words]
    let from = 2 * (subkey % (words + 1))
    for (let i = 0; i < 2 * words; i += 2) {
      addTo(v, i, key[from] as number, key[from + 1] as number)
      from = from === 2 * words ? 0 : from + 2
    }
    const first = 2 * (subkey % 3)
    const second = 2 * ((subkey + 1) % 3)
    addTo(v, 2 * words - 6, tweak[first] as number, tweak[first + 1] as number)
    addTo(v, 2 * words - 4, tweak[second] as number, tweak[second + 1] as number)
    addTo(v, 2 * words - 2, subkey, 0)
  }

  hex(): string {
    const bytes = Buffer.alloc(8 * this.#words)
    for (let i = 0; i < 2 * this.#words; i++) bytes.writeInt32LE(this.#key[i] as number, 4 * i)
    return bytes.toString('hex')
  }
}

/** Mixes for four rounds: the first four of the table, or, where `half` is 1, the others. */
function fourRounds(v: Int32Array, mixes: Int32Array, half: number): void {
  const count = mixes.length >> 1
  const end = (half + 1) * count
  for (let i = half * count; i < end; i += 4) {
    const a = mixes[i] as number
    const b = mixes[i + 1] as number
    const isSwapped = mixes[i + 2] === 1
    const by = mixes[i + 3] as number
    const low = v[b] as number
    const high = v[b + 1] as number
    const before = v[a] as number
    const sum = (before + low) | 0
    const sumHigh = ((v[a + 1] as number) + high + carryOf(before, low, sum)) | 0
    v[a] = sum
    v[a + 1] = sumHigh
    // In two steps, for a shift by 32 would be one by 0.
    const rotatedLow = (low << by) | ((high >>> 1) >>> (31 - by))
    const rotatedHigh = (high << by) | ((low >>> 1) >>> (31 - by))
    v[b] = (isSwapped ? rotatedHigh : rotatedLow) ^ sum
    v[b + 1] = (isSwapped ? rotatedLow : rotatedHigh) ^ sumHigh
  }
}

/** 1 where the unsigned `a + b`, of which `sum` is what is left in 32 bits, has a bit more. */
function carryOf(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31
}

/** Adds to the word whose lower half is at `i`, modulo 2^64. */
function addTo(v: Int32Array, i: number, low: number, high: number): void {
  const before = v[i] as number
  const sum = (before + low) | 0
  v[i] = sum
  v[i + 1] = ((v[i + 1] as number) + high + carryOf(before, low, sum)) | 0
}
