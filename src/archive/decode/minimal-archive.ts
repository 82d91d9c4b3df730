import { crc32 } from 'node:zlib'
import type { Coder, Folder } from './folder.ts'

// Property ids of the 7z format.
const END = 0x00
const HEADER = 0x01
const STREAMS = 0x04
const FILES = 0x05
const PACKED = 0x06
const FOLDERS = 0x07
const SIZES = 0x09
const CRCS = 0x0a
const FOLDER_LIST = 0x0b
const UNPACKED_SIZES = 0x0c
const NAMES = 0x11

const SIGNATURE = [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4]

/** The name of the one file in such an archive. */
const MEMBER = 'content'

/**
 * A 7z archive of nothing but this folder, without its packed streams: what stands before and after
 * them. The end header is plain, the coders and their properties are the folder's own.
 */
export function minimalArchive(folder: Folder, packedSizes: readonly number[]): { start: Buffer; end: Buffer } {
  const end = Buffer.concat([
    Buffer.from([HEADER, STREAMS]),
    Buffer.from([PACKED]),
    number(0),
    number(packedSizes.length),
    Buffer.from([SIZES]),
    ...packedSizes.map(number),
    Buffer.from([END, FOLDERS, FOLDER_LIST]),
    number(1),
    Buffer.from([0]),
    describeFolder(folder),
    Buffer.from([UNPACKED_SIZES]),
    ...folder.coders.map(({ unpackedSize }) => number(unpackedSize)),
    ...(folder.crc === undefined ? [] : [Buffer.from([CRCS, 1]), uint32(folder.crc)]),
    Buffer.from([END, END, FILES]),
    number(1),
    Buffer.from([NAMES]),
    number(1 + 2 * (MEMBER.length + 1)),
    Buffer.from([0]),
    Buffer.from(`${MEMBER}\0`, 'utf16le'),
    Buffer.from([END, END]),
  ])
  const packed = packedSizes.reduce((sum, size) => sum + size, 0)
  const position = Buffer.alloc(20)
  position.writeBigUInt64LE(BigInt(packed), 0)
  position.writeBigUInt64LE(BigInt(end.length), 8)
  position.writeUInt32LE(crc32(end), 16)
  return { start: Buffer.concat([Buffer.from(SIGNATURE), uint32(crc32(position)), position]), end }
}

function describeFolder({ coders, binds, packedInputs }: Folder): Buffer {
  return Buffer.concat([
    number(coders.length),
    ...coders.map(describeCoder),
    ...binds.flatMap(({ input, output }) => [number(input), number(output)]),
    ...(packedInputs.length > 1 ? packedInputs.map(number) : []),
  ])
}

function describeCoder({ method, properties, inputs, outputs }: Coder): Buffer {
  const id = Buffer.from(method, 'hex')
  const simple = inputs === 1 && outputs === 1
  const flags = id.length | (simple ? 0 : 0x10) | (properties.length > 0 ? 0x20 : 0)
  return Buffer.concat([
    Buffer.from([flags]),
    id,
    ...(simple ? [] : [number(inputs), number(outputs)]),
    ...(properties.length > 0 ? [number(properties.length), properties] : []),
  ])
}

/**
 * A number in the format's own form. The first byte says by its leading 1 bits how many bytes
 * follow, little-endian; up to 0x7f it is the number itself. Here: itself, or all eight bytes.
 */
function number(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value])
  const bytes = Buffer.alloc(9, 0xff)
  bytes.writeBigUInt64LE(BigInt(value), 1)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}
