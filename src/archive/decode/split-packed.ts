import type { Bytes } from '../../core/source.ts'
import type { PackedStreams } from './decode-folder.ts'

/**
 * Packed streams of the given sizes out of bytes in which they follow each other. A stream can be
 * read when the one before it was read to its end.
 */
export function splitPacked(bytes: Bytes, sizes: readonly number[]): PackedStreams {
  const chunks = bytes[Symbol.asyncIterator]()
  let chunk: Uint8Array = new Uint8Array(0)
  return async function* (index) {
    let finished = false
    try {
      for (let left = sizes[index] ?? 0; left > 0; ) {
        if (chunk.length === 0) {
          const next = await chunks.next()
          if (next.done) break
          chunk = next.value
        }
        const part = chunk.subarray(0, left)
        chunk = chunk.subarray(part.length)
        left -= part.length
        yield part
      }
      if (index === sizes.length - 1) await chunks.next() // whoever counts the bytes shall see their end
      finished = true
    } finally {
      if (!finished) await chunks.return?.()
    }
  }
}
