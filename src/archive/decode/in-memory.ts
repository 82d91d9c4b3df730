import { orAborted } from '../../core/abort.ts'
import type { Bytes } from '../../core/source.ts'
import type { Coder, DecodeOptions, Folder, PackedStreams } from './folder.ts'
import { readPacked } from './input.ts'
import { checkLzma2Length, loadLzma, lzmaHead } from './lzma.ts'
import { methodId } from './methods.ts'
import { hasProgram, unpackByProgram } from './program.ts'

/** From here on the program is faster, and takes no memory of ours. Bytes. */
const WITH_PROGRAM_BYTES = 8 * 1024 * 1024
const WITHOUT_PROGRAM_BYTES = 64 * 1024 * 1024
const OUTPUT_CHUNK_BYTES = 512 * 1024

/**
 * Unpacks LZMA or LZMA2 in memory, with a decoder that takes and gives everything at once; it needs
 * up to three times the folder's size. What is too large for that goes to the 7-Zip program.
 */
export async function* unpackInMemory(folder: Folder, packed: PackedStreams, options: DecodeOptions): Bytes {
  const library = await loadLzma()
  if (library === undefined || !(await fits(Math.max(options.packedSizes[0] ?? 0, folder.unpackedSize), options))) {
    return yield* unpackByProgram(folder, packed, options)
  }
  const coder = folder.coders[0] as Coder
  let decoded: Promise<Uint8Array>
  if (methodId(coder.method) === '21') {
    const data = await readPacked(packed, options, new Uint8Array(0))
    checkLzma2Length(data, folder.unpackedSize)
    decoded = library.lzma2.decompress(data)
  } else {
    decoded = library.lzma.decompress(await readPacked(packed, options, lzmaHead(coder)))
  }
  const content = await orAborted(decoded, 'get', options.where, options.signal)
  for (let at = 0; at < content.length; at += OUTPUT_CHUNK_BYTES) {
    yield content.subarray(at, at + OUTPUT_CHUNK_BYTES)
  }
}

async function fits(size: number, options: DecodeOptions): Promise<boolean> {
  const { maxMemoryBytes } = options
  if (maxMemoryBytes !== undefined) return size <= maxMemoryBytes
  if (size <= WITH_PROGRAM_BYTES) return true
  return size <= WITHOUT_PROGRAM_BYTES && !(await hasProgram(options))
}
