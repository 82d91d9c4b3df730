import { crc32 } from 'node:zlib'
import { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { unpackBzip2 } from './bzip2.ts'
import { damaged, decodeError } from './errors.ts'
import type { DecodeOptions, Folder, PackedStreams } from './folder.ts'
import { unpackInMemory } from './in-memory.ts'
import { InputFailure, openPacked } from './input.ts'
import { isEncrypted, methodId } from './methods.ts'
import { hasProgram, unpackByProgram } from './program.ts'
import { checkShape } from './shape.ts'
import { inflate, unpackZstandard } from './streamed.ts'
import { fitsTemporary } from './temporary.ts'

export type { Coder, DecodeOptions, Folder, PackedStreams } from './folder.ts'

/**
 * Streams a folder's unpacked content: exactly `folder.unpackedSize` bytes, and of that CRC when
 * the folder has one. The CRC is known at the end only: what came before an error is not to be
 * trusted. Memory is bounded; a chunk belongs to the receiver until it asks for the next. Throws
 * StoreError `corrupt` when the packed data is not what it should be, `unsupported` when it is
 * encrypted, or when it needs the 7-Zip program and there is none, or it needs too much memory or
 * disk, `full` when there is no space for a temporary file, and what `packed` throws.
 */
export async function* decodeFolder(folder: Folder, packed: PackedStreams, options: DecodeOptions): Bytes {
  checkShape(folder, options)
  if (isEncrypted(folder)) throw decodeError('unsupported', options, 'it is encrypted')
  let length = 0
  let crc = 0
  try {
    for await (const chunk of unpack(folder, packed, options)) {
      if (chunk.length === 0) continue
      length += chunk.length
      if (length > folder.unpackedSize) break
      crc = crc32(chunk, crc)
      yield chunk
    }
  } catch (error) {
    if (error instanceof InputFailure) throw error.error
    throw error instanceof StoreError ? error : damaged(folder, options, error)
  }
  if (length !== folder.unpackedSize) {
    const came = length > folder.unpackedSize ? 'more' : `${length} bytes`
    throw damaged(folder, options, `it gives ${came} instead of ${folder.unpackedSize} bytes`)
  }
  if (folder.crc !== undefined && crc !== folder.crc >>> 0) throw damaged(folder, options, 'the CRC is wrong')
}

/** Chooses the decoder. It may throw anything, and give any number of bytes. */
function unpack(folder: Folder, packed: PackedStreams, options: DecodeOptions): Bytes {
  const only = folder.coders.length === 1 ? folder.coders[0] : undefined
  const input = () => openPacked(packed, 0, options)
  switch (only && methodId(only.method)) {
    case '00':
      return input()
    case '030101':
    case '21':
      return unpackInMemory(folder, packed, options)
    case '040108':
      return inflate(input())
    case '040202':
      return unpackBzip2Folder(folder, packed, options)
    case '04f71101':
      if (unpackZstandard !== undefined) return unpackZstandard(input())
      throw decodeError('unsupported', options, 'unpacking Zstandard needs node 22.15 or newer: 7-Zip does not know it')
    default:
      return unpackByProgram(folder, packed, options)
  }
}

/**
 * From here on the program pays: it is several times as fast, and takes about 10 ms to start.
 * Bytes.
 */
const BZIP2_BY_PROGRAM_BYTES = 256 * 1024

async function* unpackBzip2Folder(folder: Folder, packed: PackedStreams, options: DecodeOptions): Bytes {
  const programPays = folder.unpackedSize > BZIP2_BY_PROGRAM_BYTES && fitsTemporary(options)
  if (programPays && (await hasProgram(options))) {
    yield* unpackByProgram(folder, packed, options)
  } else {
    yield* unpackBzip2(openPacked(packed, 0, options), folder.unpackedSize)
  }
}
