import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import { compresses, isPackedByServer, packedError, packingOf } from '../common/http-packed.ts'
import { parseContentRange } from '../common/http-wire.ts'
import type { Stat } from '../store.ts'
import { dropBody, type S3Call, type S3Calls } from './calls.ts'
import { notS3, refusalOf, s3Error } from './errors.ts'

/** The headers of an object that its Stat is made of. */
interface Headers {
  readonly ETag?: string | undefined
  readonly LastModified?: Date | undefined
  readonly ContentEncoding?: string | undefined
}

/**
 * Looks an object up: one HEAD where it is there, and where it is not and the bucket was seen a
 * moment ago.
 */
export async function statObject(calls: S3Calls, call: S3Call, key: string): Promise<Stat | undefined> {
  const input = { Bucket: calls.bucket, Key: key }
  let failure: unknown
  try {
    const answer = await calls.sendRaw(call, new HeadObjectCommand(input))
    await calls.confirm(call, answer)
    const { ContentLength: length } = answer
    // What stands before a server may take the length away, or have another one for what it packs.
    if (length === undefined || isPackedByServer(packingOf(answer.ContentEncoding), key))
      return askAgain(calls, call, key)
    return statFrom(calls, call, answer, length)
  } catch (error) {
    if (calls.provesAbsence(error)) return undefined
    failure = error
  }
  const refusal = refusalOf(failure)
  if (refusal === undefined || refusal.status >= 500) {
    throw s3Error(call.op, call.where, calls.server, failure, call.signal)
  }
  return askAgain(calls, call, key)
}

/**
 * The same question as a GET has: an error that a HEAD gets has no body, and so no reason in it,
 * and of a part that is sent the length of the whole is told.
 */
async function askAgain(calls: S3Calls, call: S3Call, key: string): Promise<Stat | undefined> {
  const { server } = calls
  try {
    const answer = await getFirst(calls, call, key)
    dropBody(answer.Body)
    await calls.confirm(call, answer)
    const packing = packingOf(answer.ContentEncoding)
    if (isPackedByServer(packing, key)) throw packedError(call.op, call.where, server.host, packing)
    const isPart = answer.$metadata.httpStatusCode === 206
    return statFrom(calls, call, answer, isPart ? parseContentRange(answer.ContentRange)?.total : answer.ContentLength)
  } catch (error) {
    if (calls.saysNoSuchKey(error)) return undefined
    const refusal = refusalOf(error)
    if (refusal?.status === 404 && refusal.code === undefined) throw notS3(call.op, call.where, server, '404')
    throw s3Error(call.op, call.where, server, error, call.signal)
  }
}

/** Asks for the first byte, and of an object that has none for all. */
export async function getFirst(calls: S3Calls, call: S3Call, key: string): Promise<GetObjectCommandOutput> {
  const input = { Bucket: calls.bucket, Key: key }
  try {
    return await calls.sendRaw(call, new GetObjectCommand({ ...input, Range: 'bytes=0-0' }))
  } catch (error) {
    if (refusalOf(error)?.status !== 416) throw error
    return calls.sendRaw(call, new GetObjectCommand(input))
  }
}

/** Throws `unsupported` where the answer lacks what every S3 server says. */
export function statFrom(
  { server }: S3Calls,
  { op, where }: S3Call,
  { ETag, LastModified, ContentEncoding }: Headers,
  size: number | undefined,
): Stat {
  if (size === undefined) {
    const message = `${server.host} does not say how long the object is`
    throw new StoreError({ kind: 'unsupported', op, where, message })
  }
  if (ETag === undefined) throw notS3(op, where, server, 'no ETag')
  const packing = packingOf(ContentEncoding)
  const doubt = packing && `${server.host} ${compresses(packing)}`
  return { size, mtimeMs: wholeSeconds(LastModified), identity: identityOf(ETag), ...(doubt && { doubt }) }
}

/** HEAD and GET tell seconds, a listing more. */
export function wholeSeconds(time: Date | undefined): number | undefined {
  const ms = time?.getTime()
  return ms === undefined || Number.isNaN(ms) ? undefined : Math.floor(ms / 1000) * 1000
}

/** Some servers quote it in one answer and not in another. */
export function identityOf(etag: string): string {
  return etag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
}
