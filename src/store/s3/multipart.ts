import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3'
import { abortedError } from '../../core/abort.ts'
import type { StoreError } from '../../core/errors.ts'
import type { Stat } from '../store.ts'
import type { ObjectAttributes } from './attributes.ts'
import type { S3Call, S3Calls } from './calls.ts'
import { notS3, refusalOf, s3Error } from './errors.ts'
import { identityOf, statObject } from './stat.ts'

export interface UploadedPart {
  /** From 1. */
  readonly PartNumber: number
  readonly ETag: string
}

/**
 * A multipart upload under way. `signal` aborts when one of its parts failed, so that the others
 * stop too.
 */
export interface Upload {
  readonly id: string
  readonly signal: AbortSignal
  /**
   * Waits until there are fewer than `count` parts under way. Throws what one of them failed with.
   */
  fewerThan(count: number): Promise<void>
  /**
   * Starts a part. `send` may be called again, when it failed in a way that may pass: the other
   * parts go on. `onEnd` is called when it was sent, or given up.
   */
  begin(number: number, send: SendPart, onEnd?: () => void): void
}

/** Sends a part and gives its ETag. Throws what the SDK does. */
export type SendPart = (signal: AbortSignal) => Promise<string | undefined>

/**
 * What begins and ends an upload is not broken off with it, lest one be left that nobody knows of;
 * it may take so much longer. ms.
 */
const TIDY_MS = 10_000

/**
 * Makes an object out of parts, which `work` sends through `begin`. All or nothing: when it fails,
 * the upload is ended at the server too, where its parts would cost money for ever. Resolves with
 * what the server said of the object.
 */
export function multipart(
  calls: S3Calls,
  call: S3Call,
  target: Target,
  create: ObjectAttributes,
  work: (upload: Upload) => Promise<void>,
): Promise<Stat> {
  return calls.seeThrough(uploadParts(calls, call, target, create, work))
}

export interface Target {
  readonly Bucket: string
  readonly Key: string
  /** Of the object that is to be made. Bytes. */
  readonly size: number
}

async function uploadParts(
  calls: S3Calls,
  call: S3Call,
  target: Target,
  create: ObjectAttributes,
  work: (upload: Upload) => Promise<void>,
): Promise<Stat> {
  const object = { Bucket: target.Bucket, Key: target.Key }
  const id = await begin(calls, call, new CreateMultipartUploadCommand({ ...object, ...create }))
  const parts = new Parts(calls, call, id)
  try {
    await work(parts)
    await parts.fewerThan(1)
    return await complete(calls, call, target, id, parts.done)
  } catch (error) {
    const failure = parts.failure ?? error
    await parts.stop()
    const abort = new AbortMultipartUploadCommand({ ...object, UploadId: id })
    const tidying = { ...call, mayChange: undefined, signal: AbortSignal.timeout(TIDY_MS) }
    await calls.sendRaw(tidying, abort).catch(() => {}) // the first failure is the one to tell
    throw failure
  }
}

/**
 * Begins an upload. When the call is given up meanwhile, its answer is waited for a while longer:
 * it has the id that ends it.
 */
async function begin(calls: S3Calls, call: S3Call, create: CreateMultipartUploadCommand): Promise<string> {
  const { op, where, signal } = call
  const late = new AbortController()
  const onAbort = () => setTimeout(() => late.abort(signal.reason), TIDY_MS).unref()
  if (signal.aborted) throw abortedError(op, where, signal)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const { UploadId } = await calls.send({ ...call, signal: late.signal }, create)
    if (UploadId === undefined) throw notS3(op, where, calls.server, 'no upload id')
    return UploadId
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * Makes the object. Servers take their time for that, and what stands before them gives up sooner:
 * whenever it is not certain that nothing was made, the object itself tells, before anything is
 * sent again or called a failure.
 */
async function complete(
  calls: S3Calls,
  call: S3Call,
  { Bucket, Key, size }: Target,
  UploadId: string,
  done: readonly UploadedPart[],
): Promise<Stat> {
  const parts = done.toSorted((a, b) => a.PartNumber - b.PartNumber)
  const input = { Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }
  let mayBeMade = false
  return calls.again(call, async () => {
    try {
      const answer = await calls.sendPatiently(call, new CompleteMultipartUploadCommand(input))
      await calls.confirm(call, answer)
      if (answer.ETag === undefined) throw notS3(call.op, call.where, calls.server, 'no ETag of the upload')
      return { size, mtimeMs: undefined, identity: identityOf(answer.ETag) }
    } catch (error) {
      const failure = s3Error(call.op, call.where, calls.server, error, call.signal)
      mayBeMade ||= failure.sent === 'maybe'
      if (!mayBeMade || failure.kind === 'aborted') throw failure
      const stat = await statObject(calls, call, Key).catch(() => undefined) // the first failure is the one to tell
      if (stat?.size === size && stat.identity === identityOfParts(parts)) return stat
      throw failure
    }
  })
}

/** The ETag that S3 gives to an object of these parts, where it is made of checksums at all. */
function identityOfParts(parts: readonly UploadedPart[]): string {
  const hash = createHash('md5')
  for (const { ETag } of parts) hash.update(Buffer.from(identityOf(ETag), 'hex'))
  return `${hash.digest('hex')}-${parts.length}`
}

class Parts implements Upload {
  readonly id: string
  readonly done: UploadedPart[] = []
  readonly #calls: S3Calls
  readonly #call: S3Call
  readonly #stop = new AbortController()
  readonly signal: AbortSignal
  /** What the first part to fail failed with; then all stop, the reading of the source too. */
  failure: unknown
  readonly #running = new Set<Promise<void>>()

  constructor(calls: S3Calls, call: S3Call, id: string) {
    this.#calls = calls
    this.#call = call
    this.id = id
    this.signal = AbortSignal.any([call.signal, this.#stop.signal])
  }

  async fewerThan(count: number): Promise<void> {
    while (this.#running.size >= count) await Promise.race(this.#running)
  }

  begin(PartNumber: number, send: SendPart, onEnd: () => void = () => {}): void {
    const running: Promise<void> = this.#send(send)
      .finally(onEnd)
      .then((ETag) => {
        const { op, where } = this.#call
        if (ETag === undefined) throw notS3(op, where, this.#calls.server, `no ETag of part ${PartNumber}`)
        this.done.push({ PartNumber, ETag })
        this.#running.delete(running)
      })
    running.catch((error: unknown) => {
      this.failure ??= error
      this.#stop.abort()
    })
    this.#running.add(running)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.allSettled(this.#running)
  }

  /** Not again when somebody ended the upload: only the whole of it can be begun anew. */
  async #send(send: SendPart): Promise<string | undefined> {
    const { signal } = this
    const outcome = await this.#calls.again({ signal }, async () => {
      try {
        return { etag: await send(signal) }
      } catch (error) {
        if (refusalOf(error)?.code === 'NoSuchUpload') return { error }
        throw this.#translated(error)
      }
    })
    if ('error' in outcome) throw this.#translated(outcome.error)
    return outcome.etag
  }

  #translated(error: unknown): StoreError {
    const { op, where } = this.#call
    return s3Error(op, where, this.#calls.server, error, this.signal)
  }
}
