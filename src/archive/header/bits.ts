import type { HeaderReader } from './header-reader.ts'

/**
 * A bit for each of many things, first the highest bit of the first byte, as 7z has it. Undefined:
 * all are set.
 */
export type Bits = Uint8Array | undefined

export function hasBit(bits: Bits, index: number): boolean {
  return bits === undefined || ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
}

export function newBits(count: number): Uint8Array {
  return new Uint8Array(Math.ceil(count / 8))
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (0x80 >> (index & 7))
}

/** How many of the first `count` are set. */
export function countBits(bits: Bits, count: number): number {
  if (bits === undefined) return count
  let set = 0
  for (let i = 0; i < count; i++) if (hasBit(bits, i)) set += 1
  return set
}

export function nextBits(reader: HeaderReader, count: number): Promise<Uint8Array> {
  return reader.nextLongBytes(Math.ceil(count / 8))
}

/** Checksums of some of many things. */
export interface Digests {
  readonly defined: Bits
  /** For each thing; 0 where it has none. */
  readonly crcs: Uint32Array
}

export async function nextDigests(reader: HeaderReader, count: number): Promise<Digests> {
  const defined = (await reader.nextByte()) === 0 ? await nextBits(reader, count) : undefined
  if (countBits(defined, count) * 4 > reader.left) throw reader.corrupt('checksums are missing')
  const crcs = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    if (!hasBit(defined, i)) continue
    if (reader.buffered < 4) await reader.fill(4)
    crcs[i] = reader.uint32()
  }
  return { defined, crcs }
}
