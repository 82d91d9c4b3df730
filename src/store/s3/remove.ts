import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { CallOptions } from '../store.ts'
import type { S3Call, S3Calls } from './calls.ts'
import { notS3, refusalError, s3Error } from './errors.ts'
import { withCompanion } from './middleware.ts'

/** S3 takes no more in one request (Amazon S3 API Reference, DeleteObjects). */
export const MAX_KEYS = 1000

/** XML has no control characters, not even escaped ones. */
export const NOT_IN_XML = /\p{Cc}|[\uFFFE\uFFFF]/u

/** Removes an object. Absent is success. */
export async function removeObject(calls: S3Calls, call: S3Call, key: string): Promise<void> {
  const input = { Bucket: calls.bucket, Key: key }
  try {
    const answer = await calls.sendRaw(call, new DeleteObjectCommand(input))
    await calls.confirm(call, answer)
    const status = answer.$metadata.httpStatusCode
    if (status !== 204 && status !== 200) throw notS3(call.op, call.where, calls.server, `${status}`)
  } catch (error) {
    if (!calls.saysNoSuchKey(error)) throw s3Error(call.op, call.where, calls.server, error, call.signal)
  }
}

/**
 * Removes objects, a thousand with each request; one by one where the server has no such request,
 * or does not allow it. `onProgress` gets how many are done.
 */
export async function removeObjects(
  calls: S3Calls,
  call: S3Call,
  keys: readonly string[],
  { onProgress }: CallOptions,
): Promise<void> {
  const plain = keys.filter((key) => !NOT_IN_XML.test(key))
  const odd = keys.filter((key) => NOT_IN_XML.test(key))
  let done = 0
  const oneByOne = async (some: readonly string[]) => {
    for (const key of some) {
      await removeObject(calls, call, key)
      done += 1
      onProgress?.(done)
    }
  }
  for (let i = 0; i < plain.length; i += MAX_KEYS) {
    const batch = plain.slice(i, i + MAX_KEYS)
    try {
      await removeBatch(calls, call, batch)
      done += batch.length
      onProgress?.(done)
    } catch (error) {
      // Some servers hold the request as a whole against what is allowed for the bucket itself.
      if (!isStoreError(error, 'unsupported') && !(error instanceof WholeRefused)) throw error
      await oneByOne(batch)
    }
  }
  await oneByOne(odd)
}

/** Not one of the objects, but the request. */
class WholeRefused extends Error {}

async function removeBatch(calls: S3Calls, call: S3Call, keys: readonly string[]): Promise<void> {
  const input = { Bucket: calls.bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }
  const command = withCompanion(new DeleteObjectsCommand(input), { md5: true })
  const sent = calls.send(call, command)
  const { Deleted = [], Errors = [] } = await sent.catch((error: unknown) => {
    throw isStoreError(error, 'denied') ? new WholeRefused('no batch may be removed', { cause: error }) : error
  })
  const gone = new Set(Deleted.map(({ Key }) => Key))
  for (const { Key = '', Code } of Errors) {
    if (Code === 'NoSuchKey') {
      gone.add(Key)
      continue
    }
    const where = calls.where(calls.pathOf(Key))
    throw refusalError(call.op, where, calls.server, { status: 403, code: Code, headers: {}, region: undefined })
  }
  // What is not told of may still be there.
  const silent = keys.find((key) => !gone.has(key))
  if (silent === undefined) return
  const message = `${calls.server.host} does not say whether it removed it`
  throw new StoreError({ kind: 'unsupported', op: call.op, where: calls.where(calls.pathOf(silent)), message })
}
