import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import { type Bytes, collect } from '../../core/source.ts'
import type { ByteRange, Consumer, GetOptions, Stat } from '../store.ts'
import { connectionError } from './connection-error.ts'
import type { Answer } from './http-client.ts'
import { contentLength } from './http-headers.ts'
import { parseContentRange, tooShort } from './http-wire.ts'
import { readExactly } from './read-exactly.ts'

export const DOES_NOT_SAY_LENGTH = 'does not say how long the file is'

/** A line that is longer is none of ours. Bytes. */
const MAX_LINE_BYTES = 1024

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
  const isSure = answer.status === 206 || length !== undefined
  const body = isSure ? readBody(delivery) : untilEnd(delivery)
  const bytes = section(body, start - came.start, end - start, () => options.onProgress?.(0))
  await readExactly(url, bytes, end - start, stat, consume, options)
}

/** The same, for few bytes, which are collected. */
export async function bytesOf(delivery: Omit<Delivery, 'consume'>): Promise<Buffer> {
  let content: Buffer = Buffer.alloc(0)
  const consume = async (bytes: Bytes) => {
    content = await collect(bytes, delivery.stat.size)
  }
  await deliverBody({ ...delivery, consume })
  return content
}

/** A file that is one line, of an answer that does not say how long it is. */
export async function lineOf(delivery: Pick<Delivery, 'url' | 'answer' | 'signal'>): Promise<Buffer> {
  const { url, answer } = delivery
  const text: Uint8Array[] = []
  let length = 0
  for await (const chunk of readBody(delivery)) {
    length += chunk.length
    if (length > MAX_LINE_BYTES) break
    text.push(Buffer.from(chunk))
  }
  const line = Buffer.concat(text)
  if (length === line.length && length > 0 && line.indexOf('\n') === length - 1) return line
  const message = `${answer.host} ${DOES_NOT_SAY_LENGTH}, and what came is no whole line`
  throw new StoreError({ kind: 'unsupported', op: 'get', where: url, message })
}

function partThatCame({ status, response }: Answer, stat: Stat): { start: number; end: number } | undefined {
  return status === 206 ? parseContentRange(response.headers['content-range']) : { start: 0, end: stat.size }
}

async function* readBody({ url, answer, signal }: Pick<Delivery, 'url' | 'answer' | 'signal'>): Bytes {
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

/**
 * A whole file whose answer does not say how long it is: it may be cut off where it ends, and it is
 * not the file when it goes on.
 */
async function* untilEnd(delivery: Delivery): Bytes {
  const { url, answer, stat } = delivery
  const because = `${answer.host} ${DOES_NOT_SAY_LENGTH}`
  let count = 0
  for await (const chunk of readBody(delivery)) {
    count += chunk.length
    if (count > stat.size) {
      const message = `more than ${stat.size} bytes came (${because})`
      throw new StoreError({ kind: 'unsupported', op: 'get', where: url, message })
    }
    yield chunk
  }
  if (count < stat.size) {
    const message = `${count} of ${stat.size} bytes came before the connection ended (${because})`
    throw new StoreError({ kind: 'transient', op: 'get', where: url, message })
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
