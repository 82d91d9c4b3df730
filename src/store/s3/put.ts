import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import { checkedSource } from '../common/checked-source.ts'
import type { PutOptions, Stat } from '../store.ts'
import { attributesOf, type ObjectSettings } from './attributes.ts'
import type { S3Call, S3Calls } from './calls.ts'
import { withChecksumIfWanted } from './checksum.ts'
import { notS3, refusalOf, s3Error } from './errors.ts'
import { withCompanion } from './middleware.ts'
import { multipart, type Target, type Upload } from './multipart.ts'
import { type PartBuffers, partBytesFor } from './part-buffers.ts'
import { bodyOf, isStreamed, payloadHash } from './payload.ts'
import { identityOf, statObject } from './stat.ts'

export interface PutSettings {
  readonly partBytes: number | undefined
  readonly parallel: number
  readonly unsigned: boolean
  readonly object: ObjectSettings
}

/**
 * Only a single PUT can be made to depend on there being none, and its content is held in memory.
 * Bytes.
 */
const MAX_IF_ABSENT_BYTES = 64 * 1024 * 1024

/**
 * Stores an object: small ones by one PUT, the others in parts. What is sent was read from the
 * source whole, each part of it.
 */
export async function putObject(
  calls: S3Calls,
  call: S3Call,
  key: string,
  source: Source,
  options: PutOptions,
  settings: PutSettings & { readonly buffers: PartBuffers },
): Promise<Stat> {
  const { size } = source
  const { partBytes: wanted = settings.buffers.partBytes } = settings
  if (options.ifAbsent && size > Math.max(wanted, MAX_IF_ABSENT_BYTES)) {
    throw tooLarge(call, `S3 stores at most ${MAX_IF_ABSENT_BYTES} bytes if there is nothing yet`)
  }
  let sent = 0
  let told = 0
  const onSent = (bytes: number) => {
    sent += bytes
    told = Math.max(told, sent) // a part that is sent again takes back what it told
    options.onProgress?.(told)
  }
  if (size <= wanted || options.ifAbsent) return putSingle(calls, call, key, source, options, settings, onSent)
  const partBytes = partBytesFor(size, wanted)
  if (partBytes === undefined) throw tooLarge(call, `S3 takes no file of ${size} bytes`)
  const target = { Bucket: calls.bucket, Key: key, size }
  const own = { ...call, onSign: () => options.onProgress?.(told) }
  const made = await multipart(calls, own, target, attributesOf(settings.object, size, options.headers), (upload) =>
    sendParts(
      calls,
      own,
      target,
      upload,
      checkedSource(source, call.where, upload.signal),
      partBytes,
      settings,
      onSent,
    ),
  )
  const stat = await statObject(calls, own, key).catch((error: unknown) => {
    if (isStoreError(error, 'aborted')) throw error
    return made // the server said that it is made: whoever may not look, or cannot, has stored it all the same
  })
  if (stat?.size !== size) {
    // Somebody else's, then, unless it has another length: what we sent was counted.
    const message = `${stat?.size ?? 'no'} bytes are there after ${size} were stored`
    throw new StoreError({ kind: 'conflict', op: 'put', where: call.where, message })
  }
  return stat
}

async function putSingle(
  calls: S3Calls,
  call: S3Call,
  key: string,
  source: Source,
  { ifAbsent, headers }: PutOptions,
  settings: PutSettings,
  onSent: (bytes: number) => void,
): Promise<Stat> {
  const content = Buffer.allocUnsafe(source.size)
  let length = 0
  for await (const chunk of checkedSource(source, call.where, call.signal)) {
    content.set(chunk, length)
    length += chunk.length
  }
  const attributes = {
    ...(ifAbsent && { IfNoneMatch: '*' }),
    ...attributesOf(settings.object, source.size, headers),
  }
  const hash = payloadHash(content, settings.unsigned)
  const { ETag } = await withChecksumIfWanted(calls, content, onSent, async (md5, onContentSent) => {
    const Body = bodyOf(content, onContentSent)
    const input = { Bucket: calls.bucket, Key: key, Body, ContentLength: content.length, ...attributes }
    const put = withCompanion(new PutObjectCommand(input), { payloadHash: hash, md5 })
    const answer = await calls.sendRaw(call, put)
    await calls.confirm(call, answer)
    return answer
  }).catch((error: unknown) => {
    if (ifAbsent && refusalOf(error)?.status === 501) throw noConditions(calls, call)
    throw s3Error(call.op, call.where, calls.server, error, call.signal)
  })
  if (ETag === undefined) throw notS3(call.op, call.where, calls.server, 'no ETag')
  if (!isStreamed(content)) onSent(content.length)
  return { size: source.size, mtimeMs: undefined, identity: identityOf(ETag) }
}

/** A server says this of a header that it does not know, and few name the header. */
function noConditions({ server }: S3Calls, { op, where }: S3Call): StoreError {
  const message = `${server.host} does not know If-None-Match (501): it cannot store a file only if there is none yet`
  return new StoreError({ kind: 'unsupported', op, where, message, sent: 'no' })
}

async function sendParts(
  calls: S3Calls,
  call: S3Call,
  target: Target,
  upload: Upload,
  bytes: Bytes,
  partBytes: number,
  { buffers, unsigned, parallel }: PutSettings & { readonly buffers: PartBuffers },
  onSent: (bytes: number) => void,
): Promise<void> {
  let number = 0
  let buffer: Buffer | undefined
  let length = 0
  const send = (whole: Buffer, content: Buffer) => {
    number += 1
    const { Bucket, Key } = target
    const part = { Bucket, Key, UploadId: upload.id, PartNumber: number, ContentLength: content.length }
    const hash = payloadHash(content, unsigned)
    let told = 0
    const onPartSent = (bytes: number) => {
      told += bytes
      onSent(bytes)
    }
    const sendOnce = async (signal: AbortSignal) => {
      if (told > 0) onPartSent(-told)
      const answer = await withChecksumIfWanted(calls, content, onPartSent, async (md5, onContentSent) => {
        const command = new UploadPartCommand({ ...part, Body: bodyOf(content, onContentSent) })
        withCompanion(command, { payloadHash: hash, md5 })
        return calls.sendRaw({ ...call, signal }, command)
      })
      await calls.confirm(call, answer)
      if (!isStreamed(content)) onPartSent(content.length)
      return answer.ETag
    }
    upload.begin(part.PartNumber, sendOnce, () => buffers.give(whole))
  }
  try {
    for await (const chunk of bytes) {
      for (let taken = 0; taken < chunk.length; ) {
        if (buffer === undefined) {
          await upload.fewerThan(buffers.hasRoom(partBytes) ? parallel : 1)
          buffer = buffers.take(partBytes)
          length = 0
        }
        const count = Math.min(chunk.length - taken, partBytes - length)
        buffer.set(chunk.subarray(taken, taken + count), length)
        length += count
        taken += count
        if (length === partBytes) {
          send(buffer, buffer)
          buffer = undefined
        }
      }
    }
    if (buffer !== undefined) send(buffer, buffer.subarray(0, length))
    buffer = undefined
  } finally {
    if (buffer !== undefined) buffers.give(buffer)
  }
}

function tooLarge(call: S3Call, message: string): StoreError {
  return new StoreError({ kind: 'unsupported', op: call.op, where: call.where, message, sent: 'no' })
}
