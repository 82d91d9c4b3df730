import { StoreError } from '../core/errors.ts'
import type { Bytes } from '../core/source.ts'
import type { Consumer, GetOptions, Stat } from './store.ts'

/** The range that a get shall read, cut to the file, in bytes. Throws `conflict` when the file is another than expected. */
export function checkRange(where: string, stat: Stat, options: GetOptions): { start: number; end: number } {
  if (options.ifMatch !== undefined && options.ifMatch !== stat.identity) {
    throw new StoreError({ kind: 'conflict', op: 'get', where, message: 'the file was replaced meanwhile' })
  }
  const range = typeof options.range === 'function' ? options.range() : options.range
  const start = Math.min(range?.start ?? 0, stat.size)
  return { start, end: Math.max(start, Math.min(range?.end ?? stat.size, stat.size)) }
}

/** Hands bytes to the consumer and makes sure that exactly `length` of them came. */
export async function readExactly(
  where: string,
  bytes: Bytes,
  length: number,
  stat: Stat,
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  let count = 0
  const counted = async function* (): Bytes {
    for await (const chunk of bytes) {
      count += chunk.length
      options.onProgress?.(count)
      yield chunk
    }
    if (count !== length) {
      throw new StoreError({ kind: 'corrupt', op: 'get', where, message: `${count} bytes came instead of ${length}` })
    }
  }
  await consume(counted(), stat)
}
