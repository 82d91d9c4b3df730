import { abortedError, orAborted } from '../../core/abort.ts'
import type { Bytes } from '../../core/source.ts'
import { decodeError } from './errors.ts'
import type { DecodeOptions, PackedStreams } from './folder.ts'

/**
 * What a packed stream threw: carried past the places where a decoder's own errors are translated.
 */
export class InputFailure {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/**
 * Opens a packed stream and sees to it that exactly its length comes, without empty chunks, and
 * that the signal is heeded. Throws InputFailure.
 */
export async function* openPacked(packed: PackedStreams, index: number, options: DecodeOptions): Bytes {
  const { where, signal } = options
  const size = options.packedSizes[index] ?? 0
  let count = 0
  let finished = false
  let chunks: AsyncIterator<Uint8Array> | undefined
  try {
    if (signal?.aborted) throw abortedError('get', where, signal)
    chunks = packed(index)[Symbol.asyncIterator]()
    for (;;) {
      const next = await orAborted(Promise.resolve(chunks.next()), 'get', where, signal)
      if (next.done) break
      count += next.value.length
      if (count > size) break
      if (next.value.length > 0) yield next.value
    }
    finished = count <= size
    if (count !== size) {
      const message = count > size ? `more than ${size} packed bytes came` : `${count} of ${size} packed bytes came`
      throw decodeError('corrupt', options, message)
    }
  } catch (error) {
    throw new InputFailure(error)
  } finally {
    // Not awaited: a read that hangs must not hold up whoever gave it up.
    if (!finished) Promise.resolve(chunks?.return?.()).catch(() => {})
  }
}

/**
 * Reads the whole first packed stream behind `head`. For what was found to be small enough. Throws
 * InputFailure.
 */
export async function readPacked(packed: PackedStreams, options: DecodeOptions, head: Uint8Array): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(head.length + (options.packedSizes[0] ?? 0))
  buffer.set(head)
  let length = head.length
  for await (const chunk of openPacked(packed, 0, options)) {
    buffer.set(chunk, length)
    length += chunk.length
  }
  return buffer
}
