import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import { encodePath } from '../common/http-wire.ts'
import type { CallOptions, Stat } from '../store.ts'
import { attributesOf, type ObjectSettings } from './attributes.ts'
import type { S3Call, S3Calls } from './calls.ts'
import { notS3, s3Error } from './errors.ts'
import { multipart } from './multipart.ts'
import { partBytesFor } from './part-buffers.ts'
import { statObject } from './stat.ts'

/** Larger objects are copied in parts, so that something moves. S3's own limit is 5 GiB. Bytes. */
const PART_BYTES = 256 * 1024 * 1024
const PARALLEL_PARTS = 4

/**
 * Copies an object within the bucket; the server does the work. Whoever looks sees the old target
 * or the new one, whole. Throws `missing`.
 */
export async function copyObject(
  calls: S3Calls,
  call: S3Call,
  from: string,
  to: string,
  options: CallOptions,
  settings: ObjectSettings,
): Promise<void> {
  const stat = await statObject(calls, call, from)
  if (stat === undefined) {
    throw new StoreError({ kind: 'missing', op: call.op, where: call.where, message: 'no such object', sent: 'no' })
  }
  if (from === to) return
  await (stat.size > PART_BYTES ? copyParts : copyWhole)(calls, call, from, to, stat, options, settings)
  const copy = await statObject(calls, call, to)
  if (copy?.size === stat.size) return
  // Somebody else's, or none: then the original has to stay.
  const message = `${copy?.size ?? 'no'} bytes are there after ${stat.size} were copied`
  throw new StoreError({ kind: 'conflict', op: call.op, where: calls.where(calls.pathOf(to)), message })
}

/** Again when that may help: what it does twice is the same. */
function copyWhole(
  calls: S3Calls,
  call: S3Call,
  from: string,
  to: string,
  stat: Stat,
  options: CallOptions,
  settings: ObjectSettings,
): Promise<void> {
  const input = {
    Bucket: calls.bucket,
    Key: to,
    CopySource: sourceOf(calls, from),
    ...attributesOf(settings, stat.size),
  }
  const own = { ...call, onSign: () => options.onProgress?.(0) }
  return calls.again(call, async () => {
    try {
      const answer = await calls.sendPatiently(own, new CopyObjectCommand(input))
      await calls.confirm(own, answer)
      if (answer.CopyObjectResult?.ETag !== undefined) return
    } catch (error) {
      throw s3Error(call.op, call.where, calls.server, error, call.signal)
    }
    throw notS3(call.op, call.where, calls.server, 'no ETag of the copy')
  })
}

async function copyParts(
  calls: S3Calls,
  call: S3Call,
  from: string,
  to: string,
  stat: Stat,
  options: CallOptions,
  settings: ObjectSettings,
): Promise<void> {
  const object = { Bucket: calls.bucket, Key: to }
  const partBytes = partBytesFor(stat.size, PART_BYTES) ?? PART_BYTES
  let copied = 0
  const own = { ...call, onSign: () => options.onProgress?.(copied) }
  const target = { ...object, size: stat.size }
  await multipart(calls, own, target, attributesOf(settings, stat.size), async (upload) => {
    const source = { ...object, UploadId: upload.id, CopySource: sourceOf(calls, from) }
    for (let start = 0, PartNumber = 1; start < stat.size; start += partBytes, PartNumber += 1) {
      await upload.fewerThan(PARALLEL_PARTS)
      const end = Math.min(start + partBytes, stat.size)
      upload.begin(PartNumber, async (signal) => {
        const input = { ...source, PartNumber, CopySourceRange: `bytes=${start}-${end - 1}` }
        const answer = await calls.sendPatiently({ ...own, signal }, new UploadPartCopyCommand(input))
        await calls.confirm(call, answer)
        copied += end - start
        options.onProgress?.(copied)
        return answer.CopyPartResult?.ETag
      })
    }
    await upload.fewerThan(1)
    // The parts are of one object only if it is still the one that we began with.
    const now = await statObject(calls, call, from)
    if (now?.identity !== stat.identity) {
      const message = 'the file was replaced while it was copied'
      throw new StoreError({ kind: 'conflict', op: call.op, where: call.where, message })
    }
  })
}

function sourceOf({ bucket }: S3Calls, key: string): string {
  return encodePath(`${bucket}/${key}`)
}
