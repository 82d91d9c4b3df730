import { _BLAKE2b, _BLAKE2s } from '@noble/hashes/blake2.js'
import type { Hasher } from '../hasher.ts'

/**
 * BLAKE2bp and BLAKE2sp: a tree of BLAKE2 hashes in which some leaves take the content's blocks in
 * turn, and a root hashes their digests (blake2.pdf, sections 2.10 and 3.2). @noble/hashes has the
 * hash itself, but neither the tree's parameters nor the flag of a layer's last node. The
 * parameters are put into a node's first state; the flag matters in a single compression of such a
 * node, which is done here, slowly.
 */
interface Shape {
  readonly leaves: number
  readonly blockBytes: number
  /** Length of a leaf's digest. */
  readonly innerBytes: number
  readonly node: (parameters: Parameters) => Hash
}

/** What distinguishes a node, as 32-bit words that differ from those of a hash without a tree. */
interface Parameters {
  readonly words: readonly number[]
  readonly isLast: boolean
}

interface Hash {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

const BLAKE2BP: Shape = { leaves: 4, blockBytes: 128, innerBytes: 64, node: (parameters) => new NodeB(parameters) }
const BLAKE2SP: Shape = { leaves: 8, blockBytes: 64, innerBytes: 32, node: (parameters) => new NodeS(parameters) }

/** Starts a BLAKE2bp hash. `digestBytes` 1 to 64. */
export function blake2bp(digestBytes: number): Hasher {
  return new Tree(BLAKE2BP, digestBytes)
}

/** Starts a BLAKE2sp hash. `digestBytes` 1 to 32. */
export function blake2sp(digestBytes: number): Hasher {
  return new Tree(BLAKE2SP, digestBytes)
}

class Tree implements Hasher {
  readonly #shape: Shape
  readonly #digestBytes: number
  readonly #leaves: readonly Hash[]
  /** Offset of the next byte, within a turn of all leaves. */
  #position = 0

  constructor(shape: Shape, digestBytes: number) {
    this.#shape = shape
    this.#digestBytes = digestBytes
    this.#leaves = Array.from({ length: shape.leaves }, (_, i) => this.#node(i, 0, i === shape.leaves - 1))
  }

  update(bytes: Uint8Array): void {
    const { blockBytes, leaves } = this.#shape
    for (let start = 0; start < bytes.length; ) {
      const end = Math.min(bytes.length, start + blockBytes - (this.#position % blockBytes))
      this.#leaves[Math.floor(this.#position / blockBytes)]?.update(bytes.subarray(start, end))
      this.#position = (this.#position + end - start) % (leaves * blockBytes)
      start = end
    }
  }

  hex(): string {
    const root = this.#node(0, 1, true)
    for (const leaf of this.#leaves) root.update(leaf.digest())
    return Buffer.from(root.digest()).toString('hex', 0, this.#digestBytes)
  }

  #node(offset: number, depth: number, isLast: boolean): Hash {
    const { leaves, innerBytes, node } = this.#shape
    const alone = innerBytes | (1 << 16) | (1 << 24) // digest length, fanout and depth that the plain hash assumes
    const inTree = this.#digestBytes | (leaves << 16) | (2 << 24)
    const layer = depth | (innerBytes << 8)
    // The layer's place is byte 16 of BLAKE2b's parameters, 14 of BLAKE2s's.
    const words = innerBytes === 64 ? [alone ^ inTree, 0, offset, 0, layer] : [alone ^ inTree, 0, offset, layer << 16]
    return node({ words, isLast })
  }
}

class NodeB extends _BLAKE2b {
  readonly #isLast: boolean

  constructor({ words, isLast }: Parameters) {
    super({ dkLen: 64 })
    this.#isLast = isLast
    this.set(...(this.get().map((word, i) => word ^ (words[i] ?? 0)) as ReturnType<_BLAKE2b['get']>))
  }

  protected override compress(block: Uint32Array, offset: number, isFinal: boolean): void {
    if (!isFinal || !this.#isLast) {
      super.compress(block, offset, isFinal)
      return
    }
    const state = compressLast(WORDS_64, fromPairs(this.get()), fromPairs([...block.subarray(offset)]), this.length)
    this.set(...(toPairs(state) as ReturnType<_BLAKE2b['get']>))
  }
}

class NodeS extends _BLAKE2s {
  readonly #isLast: boolean

  constructor({ words, isLast }: Parameters) {
    super({ dkLen: 32 })
    this.#isLast = isLast
    this.set(...(this.get().map((word, i) => word ^ (words[i] ?? 0)) as ReturnType<_BLAKE2s['get']>))
  }

  protected override compress(block: Uint32Array, offset: number, isFinal: boolean): void {
    if (!isFinal || !this.#isLast) {
      super.compress(block, offset, isFinal)
      return
    }
    const state = compressLast(WORDS_32, this.get().map(unsigned), [...block.subarray(offset)].map(BigInt), this.length)
    this.set(...(state.map(Number) as ReturnType<_BLAKE2s['get']>))
  }
}

const unsigned = (word: number) => BigInt(word >>> 0)

/** 64-bit words of 32-bit halves, the lower first; and back. */
function fromPairs(halves: readonly number[]): bigint[] {
  const words: bigint[] = []
  for (let i = 0; i < halves.length; i += 2) {
    words.push(unsigned(halves[i] ?? 0) | (unsigned(halves[i + 1] ?? 0) << 32n))
  }
  return words
}

function toPairs(words: readonly bigint[]): number[] {
  return words.flatMap((word) => [Number(word & 0xffffffffn), Number(word >> 32n)])
}

/** The two sizes of BLAKE2 (RFC 7693, section 2.1). */
interface Words {
  readonly bits: number
  readonly rounds: number
  readonly rotations: readonly [bigint, bigint, bigint, bigint]
  readonly iv: readonly bigint[]
}

const IV = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
]
const WORDS_64: Words = { bits: 64, rounds: 12, rotations: [32n, 24n, 16n, 63n], iv: IV }
const WORDS_32: Words = { bits: 32, rounds: 10, rotations: [16n, 12n, 8n, 7n], iv: IV.map((word) => word >> 32n) }

/** Which word of the block comes when, round by round (RFC 7693, section 2.7). */
const SIGMA = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0',
].map((row) => Array.from(row, (digit) => Number.parseInt(digit, 16)))

/** The columns and diagonals of the working vector. */
const MIXED = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

/**
 * BLAKE2's compression (RFC 7693, section 3.2) of the last block of a layer's last node. `length`:
 * of the node's input, in bytes.
 */
function compressLast(words: Words, state: readonly bigint[], block: readonly bigint[], length: number): bigint[] {
  const { bits, iv, rounds, rotations } = words
  const cut = (word: bigint) => BigInt.asUintN(bits, word)
  const rotate = (word: bigint, by: bigint) => cut((word >> by) | (word << (BigInt(bits) - by)))
  const v = [...state, ...iv]
  const at = (i: number) => v[i] ?? 0n
  v[12] = at(12) ^ cut(BigInt(length))
  v[13] = at(13) ^ (BigInt(length) >> BigInt(bits))
  v[14] = cut(~at(14)) // the last block
  v[15] = cut(~at(15)) // of the last node
  for (let round = 0; round < rounds; round++) {
    const order = SIGMA[round % SIGMA.length] ?? []
    for (const [n, [a, b, c, d]] of MIXED.entries()) {
      for (const half of [0, 1]) {
        v[a] = cut(at(a) + at(b) + (block[order[2 * n + half] ?? 0] ?? 0n))
        v[d] = rotate(at(d) ^ at(a), rotations[half === 0 ? 0 : 2])
        v[c] = cut(at(c) + at(d))
        v[b] = rotate(at(b) ^ at(c), rotations[half === 0 ? 1 : 3])
      }
    }
  }
  return state.map((word, i) => word ^ at(i) ^ at(i + 8))
}
