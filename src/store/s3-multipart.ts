import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3'
import type { S3Call, S3Calls } from './s3-calls.ts'
import { notS3 } from './s3-errors.ts'

export interface UploadedPart {
  /** From 1. */
  readonly PartNumber: number
  readonly ETag: string
}

/** A multipart upload under way. `signal` aborts when one of its parts failed, so that the others stop too. */
export interface Upload {
  readonly id: string
  readonly signal: AbortSignal
  /** Waits until there are fewer than `count` parts under way. Throws what one of them failed with. */
  fewerThan(count: number): Promise<void>
  /** Starts a part. */
  begin(number: number, send: (signal: AbortSignal) => Promise<string | undefined>): void
}

/** What begins and ends an upload is not broken off with it, lest one be left that nobody knows of; it may take so long. ms. */
const TIDY_MS = 10_000

/**
 * Makes an object out of parts, which `work` sends through `begin`. All or nothing: when it fails, the upload is ended at the server
 * too, where its parts would cost money for ever.
 */
export function multipart(
  calls: S3Calls,
  call: S3Call,
  target: Target,
  create: { readonly StorageClass?: never },
  work: (upload: Upload) => Promise<void>,
): Promise<void> {
  return calls.seeThrough(uploadParts(calls, call, target, create, work))
}

interface Target {
  readonly Bucket: string
  readonly Key: string
}

async function uploadParts(
  calls: S3Calls,
  call: S3Call,
  target: Target,
  create: { readonly StorageClass?: never },
  work: (upload: Upload) => Promise<void>,
): Promise<void> {
  const { UploadId } = await calls.send(unbroken(call), (client, options) =>
    client.send(new CreateMultipartUploadCommand({ ...target, ...create }), options),
  )
  if (UploadId === undefined) throw notS3(call.op, call.where, calls.server, 'no upload id')
  const parts = new Parts(calls, call, UploadId)
  try {
    await work(parts)
    await parts.fewerThan(1)
    const Parts = parts.done.toSorted((a, b) => a.PartNumber - b.PartNumber)
    const input = { ...target, UploadId, MultipartUpload: { Parts } }
    const completed = await calls.send(call, (client, options) =>
      client.send(new CompleteMultipartUploadCommand(input), options),
    )
    if (completed.ETag === undefined) throw notS3(call.op, call.where, calls.server, 'no ETag of the upload')
  } catch (error) {
    const failure = parts.failure ?? error
    await parts.stop()
    await calls
      .sendRaw(unbroken(call), (client, options) =>
        client.send(new AbortMultipartUploadCommand({ ...target, UploadId }), options),
      )
      .catch(() => {}) // the first failure is the one to tell
    throw failure
  }
}

function unbroken(call: S3Call): S3Call {
  return { ...call, signal: AbortSignal.timeout(TIDY_MS) }
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

  begin(PartNumber: number, send: (signal: AbortSignal) => Promise<string | undefined>): void {
    const running: Promise<void> = send(this.signal).then((ETag) => {
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
}
