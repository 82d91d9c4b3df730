import { orAborted } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import type { Consumer, GetOptions, Stat } from '../store.ts'

/**
 * The range that a get shall read, in bytes. Throws `conflict` when the file is another than
 * expected, `corrupt` when it ends before the range does.
 */
export function checkRange(where: string, stat: Stat, options: GetOptions): { start: number; end: number } {
  if (options.ifMatch !== undefined && options.ifMatch !== stat.identity) {
    throw new StoreError({ kind: 'conflict', op: 'get', where, message: 'the file was replaced meanwhile' })
  }
  const range = typeof options.range === 'function' ? options.range() : options.range
  const start = range?.start ?? 0
  const end = range?.end ?? Math.max(start, stat.size)
  if (end > stat.size) {
    const message = `bytes ${start} to ${end} were asked for, it has ${stat.size}`
    throw new StoreError({ kind: 'corrupt', op: 'get', where, message })
  }
  return { start, end }
}

/** Carries what a consumer threw past the places where a backend's own errors are translated. */
export class ConsumerFailure {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/**
 * Hands bytes to the consumer and makes sure that exactly `length` of them were consumed. Throws
 * ConsumerFailure for the consumer's own errors.
 */
export async function readExactly(
  where: string,
  bytes: Bytes,
  length: number,
  stat: Stat,
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  let count = 0
  let ended = false
  let ours: { error: unknown } | undefined
  const counted = async function* (): Bytes {
    const chunks = bytes[Symbol.asyncIterator]()
    let finished = false
    try {
      for (;;) {
        const next = await orAborted(Promise.resolve(chunks.next()), 'get', where, options.signal)
        if (next.done) break
        count += next.value.length
        options.onProgress?.(count)
        yield next.value
      }
      finished = true
      if (count !== length) throw wrongLength(where, `${count} bytes came instead of ${length}`)
      ended = true
    } catch (error) {
      ours = { error }
      throw error
    } finally {
      // Not awaited: a read that hangs must not hold up whoever gave it up.
      if (!finished) Promise.resolve(chunks.return?.()).catch(() => {})
    }
  }
  try {
    await consume(counted(), stat)
  } catch (error) {
    throw ours === undefined ? new ConsumerFailure(error) : ours.error
  }
  if (ours !== undefined) throw (ours as { error: unknown }).error
  if (!ended) throw wrongLength(where, `${count} of ${length} bytes were consumed`)
}

function wrongLength(where: string, message: string): StoreError {
  return new StoreError({ kind: 'corrupt', op: 'get', where, message })
}
