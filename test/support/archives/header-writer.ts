import { crc32 } from 'node:zlib'
import { PROPERTY } from '../../../src/archive/header/properties.ts'

/** A NUMBER of the 7z format. */
export function number(value: number | bigint): Buffer {
  const big = BigInt(value)
  for (let extra = 0; extra < 8; extra++) {
    if (big >= 1n << BigInt(7 * (extra + 1))) continue
    const mask = (0xff00 >> extra) & 0xff
    const bytes = Buffer.alloc(9)
    bytes.writeBigUInt64LE(big, 1)
    bytes[0] = mask | Number(big >> BigInt(8 * extra))
    return bytes.subarray(0, 1 + extra)
  }
  const bytes = Buffer.alloc(9, 0xff)
  bytes.writeBigUInt64LE(big, 1)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

export type Part = Uint8Array | number

/** Joins parts; a number is a byte. */
export function join(...parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)))
}

/** A property of a FilesInfo, with its length. */
export function property(type: number, ...parts: readonly Part[]): Buffer {
  const content = join(...parts)
  return join(type, number(content.length), content)
}

export function names(...all: readonly string[]): Buffer {
  return property(PROPERTY.names, 0, Buffer.from(all.map((name) => `${name}\0`).join(''), 'utf16le'))
}

/** Bits, the highest of each byte first. */
export function bits(...all: readonly boolean[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(all.length / 8))
  for (const [i, set] of all.entries()) if (set) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (0x80 >> (i & 7))
  return bytes
}

export interface SimpleFile {
  readonly name: string
  readonly content: Uint8Array
}

/** The StreamsInfo of Copy members, one folder each, as 7-Zip writes it, without its type byte. */
export function copyStreams(contents: readonly Uint8Array[]): Buffer {
  const sizes = contents.map(({ length }) => number(length))
  return join(
    PROPERTY.packInfo,
    0,
    number(contents.length),
    PROPERTY.size,
    ...sizes,
    PROPERTY.end,
    PROPERTY.unpackInfo,
    PROPERTY.folder,
    number(contents.length),
    0,
    ...contents.map(() => Buffer.from([1, 1, 0])),
    PROPERTY.codersUnpackSize,
    ...sizes,
    PROPERTY.end,
    PROPERTY.substreamsInfo,
    PROPERTY.crc,
    1,
    ...contents.map((content) => uint32(crc32(content))),
    PROPERTY.end,
    PROPERTY.end,
  )
}

/**
 * A plain end header: files of which each has content, stored as it is. More properties may be put
 * before and after their names.
 */
export function plainHeader(
  files: readonly SimpleFile[],
  before: Uint8Array = join(),
  after: Uint8Array = join(),
): Buffer {
  return join(
    PROPERTY.header,
    PROPERTY.mainStreamsInfo,
    copyStreams(files.map(({ content }) => content)),
    PROPERTY.filesInfo,
    number(files.length),
    before,
    names(...files.map(({ name }) => name)),
    after,
    PROPERTY.end,
    PROPERTY.end,
  )
}

/** The 32 bytes that a 7z file begins with. */
export function signatureHeader(packedBytes: number, headerBytes: number, headerCrc: number): Buffer {
  const header = Buffer.alloc(32)
  header.set([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4])
  header.writeBigUInt64LE(BigInt(packedBytes), 12)
  header.writeBigUInt64LE(BigInt(headerBytes), 20)
  header.writeUInt32LE(headerCrc, 28)
  header.writeUInt32LE(crc32(header.subarray(12)), 8)
  return header
}

/** A 7z file with these packed streams and this end header, checksums right. */
export function archiveOf(packed: Uint8Array, header: Uint8Array): Buffer {
  return join(signatureHeader(packed.length, header.length, crc32(header)), packed, header)
}

/** A 7z file of Copy members, with a plain end header. */
export function copyArchive(files: readonly SimpleFile[]): Buffer {
  return archiveOf(join(...files.map(({ content }) => content)), plainHeader(files))
}
