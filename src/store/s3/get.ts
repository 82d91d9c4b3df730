import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { abortedError } from '../../core/abort.ts'
import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { connectionError } from '../common/connection-error.ts'
import { isPackedByServer, packedError, packingOf } from '../common/http-packed.ts'
import { noBytes, parseContentRange, tooShort } from '../common/http-wire.ts'
import { readExactly } from '../common/read-exactly.ts'
import type { ByteRange, Consumer, GetOptions, Stat, ThawRequest } from '../store.ts'
import { dropBody, type S3Call, type S3Calls } from './calls.ts'
import type { Again } from './client.ts'
import { refusalOf, s3Error } from './errors.ts'
import type { PartBuffers } from './part-buffers.ts'
import type { Body } from './plain/answer-body.ts'
import { AHEAD_MIN_BYTES, AHEAD_PART_BYTES, type Part, readAhead } from './read-ahead.ts'
import { coldError } from './restore.ts'
import { statFrom, statObject } from './stat.ts'

export interface GetSettings {
  /** Parts that are read at once. */
  readonly parallel: number
  readonly memory: PartBuffers
  readonly restore: ThawRequest | undefined
}

/** Reads an object, or a part of it; much of it by several requests at once. */
export async function getObject(
  calls: S3Calls,
  call: S3Call,
  key: string,
  consume: Consumer,
  options: GetOptions,
  settings: GetSettings,
): Promise<void> {
  const asked = typeof options.range === 'function' ? options.range() : options.range
  const range = asked?.start === 0 && asked.end === undefined ? undefined : asked
  if (range?.end !== undefined && range.end <= range.start) return getNothing(calls, call, key, range, consume, options)
  const isLarge = (length: number) => settings.parallel > 1 && length >= AHEAD_MIN_BYTES
  // Where the length is known, the first request is for the first part only.
  const first =
    range?.end !== undefined && isLarge(range.end - range.start)
      ? { start: range.start, end: range.start + AHEAD_PART_BYTES }
      : range
  const answer = await requestPlain(calls, call, key, first, settings.restore)
  if (answer === undefined) return getNothing(calls, call, key, range ?? { start: 0 }, consume, options)
  const body = answer.Body as Body
  body.on('error', () => {}) // whoever reads it is told; nobody may read it yet
  try {
    const stat = await examine(calls, call, key, answer, first)
    refuseOther(call, stat, options)
    const whole = { start: range?.start ?? 0, end: range?.end ?? stat.size }
    if (whole.end > stat.size) throw tooShort('get', call.where, stat)
    const length = whole.end - whole.start
    const bytes = isLarge(length)
      ? readParts(calls, call, key, body, whole, stat, settings)
      : readBody(calls, call, body)
    await readExactly(call.where, bytes, length, stat, consume, options)
  } finally {
    if (!body.readableEnded) body.destroy()
  }
}

/** Reads in parts. The first answer gives the first one, though it may go on further. */
function readParts(
  calls: S3Calls,
  call: S3Call,
  key: string,
  first: Body,
  whole: Part,
  { identity }: Stat,
  { parallel, memory, restore }: GetSettings,
): Bytes {
  let body: Body | undefined = first
  const joined = (signal: AbortSignal) => AbortSignal.any([call.signal, signal])
  const open = (part: Part, signal: AbortSignal) => {
    const own = { ...call, signal: joined(signal) }
    const begun = part.start === whole.start ? body : undefined
    if (begun === undefined) return exactly(own, readPart(calls, own, key, part, identity, restore), part)
    body = undefined
    return exactly(own, firstOf(readBody(calls, own, begun), part.end - part.start), part)
  }
  const again: Again = ({ signal }, work) => calls.again(signal ? { signal: joined(signal) } : call, work)
  return readAhead(whole, { open, again, parallel, memory })
}

async function* readPart(
  calls: S3Calls,
  call: S3Call,
  key: string,
  part: Part,
  identity: string,
  restore: ThawRequest | undefined,
): Bytes {
  const answer = await request(calls, call, key, part, restore)
  if (answer === undefined) throw failure(call, 'conflict', REPLACED)
  const body = answer.Body as Body
  body.on('error', () => {})
  try {
    refuseOther(call, await examine(calls, call, key, answer, part), { ifMatch: identity })
    yield* readBody(calls, call, body)
  } finally {
    if (!body.readableEnded) body.destroy()
  }
}

/** A part that ends early must not be followed by the next one. */
async function* exactly(call: S3Call, bytes: Bytes, { start, end }: Part): Bytes {
  let count = 0
  for await (const chunk of bytes) {
    count += chunk.length
    yield chunk
  }
  if (count !== end - start) throw failure(call, 'unreachable', `the connection ended after ${count} bytes`)
}

async function* firstOf(bytes: Bytes, length: number): Bytes {
  let left = length
  for await (const chunk of bytes) {
    const wanted = chunk.subarray(0, left)
    left -= wanted.length
    yield wanted
    if (left === 0) return
  }
}

/** Asks for an object, or a range of it. Undefined when it ends before the range begins. */
async function request(
  calls: S3Calls,
  call: S3Call,
  key: string,
  range: ByteRange | undefined,
  restore: ThawRequest | undefined,
): Promise<GetObjectCommandOutput | undefined> {
  const input = { Bucket: calls.bucket, Key: key, ...(range && { Range: rangeHeader(range) }) }
  try {
    return await calls.sendRaw(call, new GetObjectCommand(input))
  } catch (error) {
    const refusal = refusalOf(error)
    if (range !== undefined && refusal?.status === 416) return undefined
    if (refusal?.code === 'InvalidObjectState') throw await coldError(calls, call, key, restore)
    calls.saysNoSuchKey(error)
    throw s3Error('get', call.where, calls.server, error, call.signal)
  }
}

/**
 * The same. An object that comes packed, or without its length, from what stands before the server
 * is asked for once more as a part: of a part the length is told, and few pack one.
 */
async function requestPlain(
  calls: S3Calls,
  call: S3Call,
  key: string,
  range: ByteRange | undefined,
  restore: ThawRequest | undefined,
): Promise<GetObjectCommandOutput | undefined> {
  const answer = await request(calls, call, key, range, restore)
  if (answer === undefined || range !== undefined) return answer
  const { ContentLength: length, ContentEncoding: encoding } = answer
  if (length !== undefined && !isPackedByServer(packingOf(encoding), key)) return answer
  dropBody(answer.Body)
  return request(calls, call, key, { start: 0 }, restore)
}

/** Holds an answer to what was asked for. Throws `unsupported` and `corrupt`. */
async function examine(
  calls: S3Calls,
  call: S3Call,
  key: string,
  answer: GetObjectCommandOutput,
  range: ByteRange | undefined,
): Promise<Stat> {
  await calls.confirm(call, answer)
  const packing = packingOf(answer.ContentEncoding)
  if (isPackedByServer(packing, key)) throw packedError(call.op, call.where, calls.server.host, packing)
  const part = partThatCame(answer) ?? (await wholeThatCame(calls, call, key, answer))
  const stat = statFrom(calls, call, answer, part?.total)
  const { start, end } = { start: range?.start ?? 0, end: range?.end ?? stat.size }
  if (end > stat.size) throw tooShort('get', call.where, stat)
  // A length that is not told at all shows at the end.
  const { ContentLength: length = end - start } = answer
  if (part?.start !== start || part.end !== end || length !== end - start) {
    const came = `${length} bytes from ${part?.start ?? '?'} to ${part?.end ?? '?'}`
    throw failure(call, 'corrupt', `${calls.server.host} sent ${came} instead of ${start} to ${end}`)
  }
  return stat
}

function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`
}

/** Which bytes of the object the answer says that it holds. */
function partThatCame({ ContentRange, ContentLength, $metadata }: GetObjectCommandOutput) {
  if ($metadata.httpStatusCode === 206) return parseContentRange(ContentRange)
  return ContentLength === undefined ? undefined : { start: 0, end: ContentLength, total: ContentLength }
}

/** All of an object, from what does not say how much that is: HEAD may. */
async function wholeThatCame(calls: S3Calls, call: S3Call, key: string, { $metadata }: GetObjectCommandOutput) {
  if ($metadata.httpStatusCode !== 200) return undefined
  const stat = await statObject(calls, call, key)
  return stat && { start: 0, end: stat.size, total: stat.size }
}

/** For a range that has no bytes, which a request cannot ask for. */
async function getNothing(
  calls: S3Calls,
  call: S3Call,
  key: string,
  range: ByteRange,
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  const stat = await statObject(calls, call, key)
  if (stat === undefined) throw failure(call, 'missing', 'no such object')
  refuseOther(call, stat, options)
  if (range.start > stat.size || (range.end ?? 0) > stat.size) throw tooShort('get', call.where, stat)
  if (range.start < (range.end ?? stat.size)) throw failure(call, 'conflict', REPLACED)
  await readExactly(call.where, noBytes(), 0, stat, consume, options)
}

/**
 * Compared here, not by If-Match: some servers refuse every quoted one, and the headers belong to
 * the body that comes with them.
 */
function refuseOther(call: S3Call, stat: Stat, { ifMatch }: GetOptions): void {
  if (ifMatch !== undefined && ifMatch !== stat.identity) {
    throw failure(call, 'conflict', REPLACED)
  }
}

async function* readBody({ server }: S3Calls, { where, signal }: S3Call, body: Body): Bytes {
  let count = 0
  try {
    for await (const chunk of body) {
      count += chunk.length
      yield chunk
    }
  } catch (error) {
    if (signal.aborted) throw abortedError('get', where, signal)
    const cause = new Error(`the connection ended after ${count} bytes`, { cause: error })
    throw connectionError('get', where, server.host, cause, server.route)
  }
}

const REPLACED = 'the file was replaced meanwhile'

function failure({ op, where }: S3Call, kind: StoreErrorKind, message: string): StoreError {
  return new StoreError({ kind, op, where, message })
}
