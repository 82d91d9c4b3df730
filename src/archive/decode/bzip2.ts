import { setImmediate } from 'node:timers/promises'
import bitIterator from 'unbzip2-stream/lib/bit_iterator.js'
import bzip2 from 'unbzip2-stream/lib/bzip2.js'
import type { Bytes } from '../../core/source.ts'

/** Times the level gives the length of a block before packing, in bytes. */
const BLOCK_UNIT = 100_000
/** Tables in front of a block's data. Bytes. */
const BLOCK_TABLES = 25_000
const OUTPUT_CHUNK_BYTES = 1024 * 1024

/**
 * Unpacks bzip2 data, a block (900 kB at most) at a time. The stream of the library is not used: it
 * collects a block's content in an array of numbers, which for a hostile block is hundreds of MB.
 * Here a block that would give more than `limit` bytes in all ends with an error. Checks the CRC of
 * each block and of the whole.
 */
export async function* unpackBzip2(input: Bytes, limit: number): Bytes {
  const queue: Uint8Array[] = []
  let received = 0
  let bits: ReturnType<typeof bitIterator> | undefined
  let level = 0
  let blockBuffer = new Int32Array(0)
  let crc = 0
  let total = 0

  /** Bytes that have to be there before the next part can be read without a pause. */
  const needed = () => (level === 0 ? 4 : BLOCK_TABLES + BLOCK_UNIT * level)

  const unpackNext = (read: NonNullable<typeof bits>): Uint8Array[] => {
    if (level === 0) {
      level = bzip2.header(read)
      crc = 0
      if (blockBuffer.length < BLOCK_UNIT * level) blockBuffer = new Int32Array(BLOCK_UNIT * level)
      return []
    }
    const full: Uint8Array[] = []
    let output = Buffer.allocUnsafe(OUTPUT_CHUNK_BYTES)
    let length = 0
    const put = (byte: number) => {
      if (length === OUTPUT_CHUNK_BYTES) {
        total += length
        if (total > limit) throw new Error('there is more data than there should be')
        full.push(output)
        output = Buffer.allocUnsafe(OUTPUT_CHUNK_BYTES)
        length = 0
      }
      output[length++] = byte
    }
    const next = bzip2.decompress(read, put, blockBuffer, BLOCK_UNIT * level, crc)
    if (next === null) level = 0
    else crc = next
    total += length
    return [...full, output.subarray(0, length)]
  }

  for await (const chunk of input) {
    queue.push(Uint8Array.from(chunk))
    received += chunk.length
    bits ??= bitIterator(() => queue.shift())
    while (received - bits.bytesRead >= needed()) {
      yield* unpackNext(bits)
      await setImmediate() // a block takes a while, and other jobs want to go on
    }
  }
  while (bits !== undefined && received > bits.bytesRead) {
    yield* unpackNext(bits)
    await setImmediate()
  }
  if (level !== 0) throw new Error('it ends too early')
}
