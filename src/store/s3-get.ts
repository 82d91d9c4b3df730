import type { Readable } from 'node:stream'
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { abortedError } from '../core/abort.ts'
import { StoreError, type StoreErrorKind } from '../core/errors.ts'
import type { Bytes } from '../core/source.ts'
import { noBytes } from './http-body.ts'
import { connectionError } from './http-errors.ts'
import { parseContentRange } from './http-headers.ts'
import { readExactly } from './read.ts'
import type { S3Call, S3Calls } from './s3-calls.ts'
import { refusalOf, s3Error } from './s3-errors.ts'
import { statFrom, statObject } from './s3-stat.ts'
import type { ByteRange, Consumer, GetOptions, Stat } from './store.ts'

/** Reads an object, or a part of it. */
export async function getObject(
  calls: S3Calls,
  call: S3Call,
  key: string,
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  const asked = typeof options.range === 'function' ? options.range() : options.range
  const range = asked?.start === 0 && asked.end === undefined ? undefined : asked
  if (range?.end !== undefined && range.end <= range.start) return getNothing(calls, call, key, range, consume, options)
  const input = { Bucket: calls.bucket, Key: key, ...(range && { Range: rangeHeader(range) }) }
  const answer = await calls
    .sendRaw(call, (client, sendOptions) => client.send(new GetObjectCommand(input), sendOptions))
    .catch((error: unknown) => {
      if (range !== undefined && refusalOf(error)?.status === 416) return undefined
      calls.saysNoSuchKey(error)
      throw s3Error('get', call.where, calls.server, error, call.signal)
    })
  if (answer === undefined) return getNothing(calls, call, key, range ?? { start: 0 }, consume, options)
  const body = answer.Body as Readable
  body.on('error', () => {}) // whoever reads it is told; nobody may read it yet
  try {
    await calls.confirm(call, answer)
    const part = partThatCame(answer)
    const stat = statFrom(calls, call, answer, part?.total)
    refuseOther(call, stat, options)
    const { start, end } = { start: range?.start ?? 0, end: range?.end ?? stat.size }
    if (end > stat.size) throw failure(call, 'corrupt', `the file has ${stat.size} bytes only`)
    if (part?.start !== start || part.end !== end || answer.ContentLength !== end - start) {
      const came = `${answer.ContentLength} bytes from ${part?.start ?? '?'} to ${part?.end ?? '?'}`
      throw failure(call, 'corrupt', `${calls.server.host} sent ${came} instead of ${start} to ${end}`)
    }
    await readExactly(call.where, readBody(calls, call, body), end - start, stat, consume, options)
  } finally {
    if (!body.readableEnded) body.destroy()
  }
}

function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`
}

/** Which bytes of the object the answer says that it holds. */
function partThatCame({ ContentRange, ContentLength, $metadata }: GetObjectCommandOutput) {
  if ($metadata.httpStatusCode === 206) return parseContentRange(ContentRange)
  return ContentLength === undefined ? undefined : { start: 0, end: ContentLength, total: ContentLength }
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
  if (range.start > stat.size || (range.end ?? 0) > stat.size) {
    throw failure(call, 'corrupt', `the file has ${stat.size} bytes only`)
  }
  if (range.start < (range.end ?? stat.size)) throw failure(call, 'conflict', 'the file was replaced meanwhile')
  await readExactly(call.where, noBytes(), 0, stat, consume, options)
}

/** Compared here, not by If-Match: some servers refuse every quoted one, and the headers belong to the body that comes with them. */
function refuseOther(call: S3Call, stat: Stat, { ifMatch }: GetOptions): void {
  if (ifMatch !== undefined && ifMatch !== stat.identity) {
    throw failure(call, 'conflict', 'the file was replaced meanwhile')
  }
}

async function* readBody({ server }: S3Calls, { where, signal }: S3Call, body: Readable): Bytes {
  let count = 0
  try {
    for await (const chunk of body) {
      count += chunk.length
      yield chunk
    }
  } catch (error) {
    if (signal.aborted) throw abortedError('get', where, signal)
    const cause = new Error(`the connection ended after ${count} bytes`, { cause: error })
    throw connectionError('get', where, server.host, cause)
  }
}

function failure({ op, where }: S3Call, kind: StoreErrorKind, message: string): StoreError {
  return new StoreError({ kind, op, where, message })
}
