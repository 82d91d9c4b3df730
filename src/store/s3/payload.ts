import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

/** What is handed to a socket at once: each tells the watchdog that something moves. Bytes. */
const SLICE_BYTES = 256 * 1024

/**
 * Signs the request for this content, or (`unsigned`) says that it is not covered by the signature.
 */
export function payloadHash(content: Buffer, unsigned: boolean): string {
  return unsigned ? 'UNSIGNED-PAYLOAD' : createHash('sha256').update(content).digest('hex')
}

/**
 * The content for a request, as a stream that tells how much of it went out; what is small goes out
 * at once, in one packet with the headers where that fits, and is told by the caller.
 */
export function bodyOf(content: Buffer, onSent: (bytes: number) => void): Readable | Buffer {
  if (!isStreamed(content)) return content
  const slices = function* () {
    for (let i = 0; i < content.length; i += SLICE_BYTES) {
      const slice = content.subarray(i, i + SLICE_BYTES)
      yield slice
      onSent(slice.length)
    }
  }
  return Readable.from(slices(), { objectMode: true, highWaterMark: 1 })
}

export function isStreamed(content: Buffer): boolean {
  return content.length > SLICE_BYTES
}
