import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../core/errors.ts'
import type { Bytes, Source } from '../core/source.ts'
import { checkedSource } from './put-source.ts'
import { attributesOf, type ObjectSettings } from './s3-attributes.ts'
import type { S3Call, S3Calls } from './s3-calls.ts'
import { notS3 } from './s3-errors.ts'
import { multipart, type Upload } from './s3-multipart.ts'
import { type PartBuffers, partBytesFor } from './s3-parts.ts'
import { bodyOf, isStreamed, payloadHash } from './s3-payload.ts'
import { identityOf, statObject } from './s3-stat.ts'
import { withCompanion } from './s3-steps.ts'
import type { PutOptions, Stat } from './store.ts'

export interface PutSettings {
  readonly partBytes: number | undefined
  readonly parallel: number
  readonly unsigned: boolean
  readonly object: ObjectSettings
}

/** Only a single PUT can be made to depend on there being none, and its content is held in memory. Bytes. */
const MAX_IF_ABSENT_BYTES = 64 * 1024 * 1024

/** Stores an object: small ones by one PUT, the others in parts. What is sent was read from the source whole, each part of it. */
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
  if (size <= wanted || options.ifAbsent) return putSingle(calls, call, key, source, options.ifAbsent, settings, onSent)
  const partBytes = partBytesFor(size, wanted)
  if (partBytes === undefined) throw tooLarge(call, `S3 takes no file of ${size} bytes`)
  const target = { Bucket: calls.bucket, Key: key }
  await multipart(calls, call, target, attributesOf(settings.object, size), (upload) =>
    sendParts(
      calls,
      call,
      target,
      upload,
      checkedSource(source, call.where, upload.signal),
      partBytes,
      settings,
      onSent,
    ),
  )
  const stat = await statObject(calls, call, key)
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
  ifAbsent: boolean | undefined,
  settings: PutSettings,
  onSent: (bytes: number) => void,
): Promise<Stat> {
  const content = Buffer.allocUnsafe(source.size)
  let length = 0
  for await (const chunk of checkedSource(source, call.where, call.signal)) {
    content.set(chunk, length)
    length += chunk.length
  }
  const input = { Bucket: calls.bucket, Key: key, Body: bodyOf(content, onSent), ContentLength: content.length }
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {}
  const put = new PutObjectCommand({ ...input, ...condition, ...attributesOf(settings.object, source.size) })
  withCompanion(put, { payloadHash: payloadHash(content, settings.unsigned) })
  const { ETag } = await calls.send(call, put)
  if (ETag === undefined) throw notS3(call.op, call.where, calls.server, 'no ETag')
  if (!isStreamed(content)) onSent(content.length)
  return { size: source.size, mtimeMs: undefined, identity: identityOf(ETag) }
}

async function sendParts(
  calls: S3Calls,
  call: S3Call,
  target: { readonly Bucket: string; readonly Key: string },
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
    const part = { ...target, UploadId: upload.id, PartNumber: number, ContentLength: content.length }
    const companion = { payloadHash: payloadHash(content, unsigned) }
    let told = 0
    const onPartSent = (bytes: number) => {
      told += bytes
      onSent(bytes)
    }
    const sendOnce = async (signal: AbortSignal) => {
      if (told > 0) onPartSent(-told)
      const command = new UploadPartCommand({ ...part, Body: bodyOf(content, onPartSent) })
      withCompanion(command, companion)
      const answer = await calls.sendRaw({ ...call, signal }, command)
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
