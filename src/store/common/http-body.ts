import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import type { ByteRange, Consumer, GetOptions, Stat } from '../store.ts'
import { connectionError } from './connection-error.ts'
import type { Answer } from './http-client.ts'
import { contentLength } from './http-headers.ts'
import { parseContentRange, tooShort } from './http-wire.ts'
import { readExactly } from './read-exactly.ts'

export interface Delivery {
  readonly url: string
  /** 200 or 206. */
  readonly answer: Answer
  /** What was asked for; not empty. */
  readonly range: ByteRange | undefined
  readonly stat: Stat
  readonly consume: Consumer
  readonly options: GetOptions
  readonly signal: AbortSignal
}

/**
 * Gives the consumer what was asked for, be the answer that part or (from a server that ignores
 * ranges) the whole file.
 */
export async function deliverBody(delivery: Delivery): Promise<void> {
  const { url, answer, range, stat, consume, options } = delivery
  const { start, end } = { start: range?.start ?? 0, end: range?.end ?? stat.size }
  const corrupt = (message: string) => new StoreError({ kind: 'corrupt', op: 'get', where: url, message })
  if (start > stat.size || end > stat.size) throw tooShort('get', url, stat)
  const came = partThatCame(answer, stat)
  if (came === undefined) throw corrupt(`${answer.host} sent a part of the file, but does not say which`)
  if (came.start > start || came.end < end) {
    throw corrupt(`${answer.host} sent bytes ${came.start} to ${came.end} instead of ${start} to ${end}`)
  }
  const length = contentLength(answer.response.headers)
  if (length !== undefined && length !== came.end - came.start) {
    throw corrupt(`${answer.host} sent ${length} bytes as the bytes ${came.start} to ${came.end}`)
  }
  const bytes = section(readBody(delivery), start - came.start, end - start, () => options.onProgress?.(0))
  await readExactly(url, bytes, end - start, stat, consume, options)
}

function partThatCame({ status, response }: Answer, stat: Stat): { start: number; end: number } | undefined {
  return status === 206 ? parseContentRange(response.headers['content-range']) : { start: 0, end: stat.size }
}

async function* readBody({ url, answer, signal }: Delivery): Bytes {
  let count = 0
  try {
    for await (const chunk of answer.response) {
      count += chunk.length
      yield chunk
    }
  } catch (error) {
    if (signal.aborted) throw abortedError('get', url, signal)
    const cause = new Error(`the connection ended after ${count} bytes`, { cause: error })
    throw connectionError('get', url, answer.host, cause)
  }
}

/** `length` bytes from `start` on. */
async function* section(bytes: Bytes, start: number, length: number, onSkipped: () => void): Bytes {
  let position = 0
  const end = start + length
  for await (const chunk of bytes) {
    const wanted = chunk.subarray(Math.max(0, start - position), Math.max(0, end - position))
    position += chunk.length
    if (wanted.length > 0) yield wanted
    else onSkipped()
    if (position > end) return // at the very end we read on: only a body that was read whole leaves its connection usable
  }
}
