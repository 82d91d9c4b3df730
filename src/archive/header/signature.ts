import { crc32 } from 'node:zlib'
import { StoreError } from '../../core/errors.ts'
import { MAX_HEADER_BYTES } from './limits.ts'

/** Length of what every 7z file begins with; packed streams follow. */
export const SIGNATURE_BYTES = 32

const MAGIC = Buffer.from('377abcaf271c', 'hex')

/**
 * The signature header: where the end header lies. It changes with every change of the archive's
 * index.
 */
export interface Signature {
  readonly bytes: Buffer
  /** Position of the end header in the file; bytes. */
  readonly headerAt: number
  /** 0 in an archive without members. */
  readonly headerBytes: number
  readonly headerCrc: number
}

/**
 * Parses the first 32 bytes of a 7z file of `fileBytes` bytes. Throws `corrupt`, or `unsupported`
 * for what we cannot read.
 */
export function parseSignature(bytes: Buffer, fileBytes: number, where: string): Signature {
  const corrupt = (message: string) => new StoreError({ kind: 'corrupt', op: 'get', where, message })
  const unsupported = (message: string) => new StoreError({ kind: 'unsupported', op: 'get', where, message })
  if (bytes.length !== SIGNATURE_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw corrupt('not a 7z archive')
  }
  const start = bytes.subarray(12)
  if (crc32(start) !== bytes.readUInt32LE(8)) throw corrupt('the 7z start header is damaged')
  if (bytes[6] !== 0) throw unsupported(`7z format version ${bytes[6]}.${bytes[7]}`)
  const [offset, length] = [start.readBigUInt64LE(0), start.readBigUInt64LE(8)]
  if (BigInt(SIGNATURE_BYTES) + offset + length > BigInt(fileBytes)) {
    throw corrupt('the archive is cut off: its end header would lie behind its end')
  }
  if (length > MAX_HEADER_BYTES) throw unsupported(`an end header of ${length} bytes; ${MAX_HEADER_BYTES} can be read`)
  return {
    bytes: Buffer.from(bytes),
    headerAt: SIGNATURE_BYTES + Number(offset),
    headerBytes: Number(length),
    headerCrc: start.readUInt32LE(16),
  }
}
