import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../core/errors.ts'
import { parseContentRange } from './http-headers.ts'
import type { S3Call, S3Calls } from './s3-calls.ts'
import { notS3, refusalOf, s3Error } from './s3-errors.ts'
import type { Stat } from './store.ts'

/** The headers of an object that its Stat is made of. */
interface Headers {
  readonly ETag?: string | undefined
  readonly LastModified?: Date | undefined
}

/** Looks an object up: one HEAD where it is there, and where it is not and the bucket was seen a moment ago. */
export async function statObject(calls: S3Calls, call: S3Call, key: string): Promise<Stat | undefined> {
  const input = { Bucket: calls.bucket, Key: key }
  let failure: unknown
  try {
    const answer = await calls.sendRaw(call, new HeadObjectCommand(input))
    await calls.confirm(call, answer)
    return statFrom(calls, call, answer, answer.ContentLength)
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

/** An error that a HEAD gets has no body, and so no reason in it. The same question as a GET has. */
async function askAgain(calls: S3Calls, call: S3Call, key: string): Promise<Stat | undefined> {
  const input = { Bucket: calls.bucket, Key: key, Range: 'bytes=0-0' }
  const { server } = calls
  try {
    const answer = await calls.sendRaw(call, new GetObjectCommand(input))
    ;(answer.Body as { destroy?(): void } | undefined)?.destroy?.()
    await calls.confirm(call, answer)
    return statFrom(calls, call, answer, parseContentRange(answer.ContentRange)?.total)
  } catch (error) {
    if (calls.saysNoSuchKey(error)) return undefined
    const refusal = refusalOf(error)
    if (refusal?.status === 404 && refusal.code === undefined) throw notS3(call.op, call.where, server, '404')
    if (refusal?.status === 416) {
      const message = 'the file was made just now'
      throw new StoreError({ kind: 'transient', op: call.op, where: call.where, message, sent: 'no' })
    }
    throw s3Error(call.op, call.where, server, error, call.signal)
  }
}

/** Throws `unsupported` where the answer lacks what every S3 server says. */
export function statFrom(
  { server }: S3Calls,
  { op, where }: S3Call,
  { ETag, LastModified }: Headers,
  size: number | undefined,
): Stat {
  if (ETag === undefined || size === undefined) throw notS3(op, where, server, 'no ETag or length')
  return { size, mtimeMs: wholeSeconds(LastModified), identity: identityOf(ETag) }
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
