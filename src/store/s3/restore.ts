import { HeadObjectCommand, type HeadObjectCommandOutput, RestoreObjectCommand, type Tier } from '@aws-sdk/client-s3'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { RestoreSettings } from './attributes.ts'
import type { S3Call, S3Calls } from './calls.ts'
import { refusalOf, s3Error } from './errors.ts'

/**
 * How long a restore takes, by where an object lies and by tier (Amazon S3 User Guide,
 * Understanding archive retrieval options).
 */
const TIMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  GLACIER: { Expedited: '5 minutes', Standard: '5 hours', Bulk: '12 hours' },
  DEEP_ARCHIVE: { Standard: '12 hours', Bulk: '48 hours' },
  ARCHIVE_ACCESS: { Expedited: '5 minutes', Standard: '5 hours', Bulk: '12 hours' },
  DEEP_ARCHIVE_ACCESS: { Standard: '12 hours', Bulk: '48 hours' },
}

/**
 * The error for an object that cannot be read because it lies in cold storage. Asks for it to be
 * restored, where that was wanted and nobody did it yet. Never rejects with anything else than what
 * it resolves to: a StoreError.
 */
export async function coldError(
  calls: S3Calls,
  call: S3Call,
  key: string,
  restore: RestoreSettings | undefined,
): Promise<StoreError> {
  try {
    const input = { Bucket: calls.bucket, Key: key }
    const head: Head = await calls.send(call, new HeadObjectCommand(input)).catch((error: unknown) => {
      // The GET said already that it is cold: whoever may not look closer is told that.
      if (isStoreError(error, 'denied', 'unsupported')) return {}
      throw error
    })
    const place = placeOf(head)
    const where = `it lies in cold storage (${place})`
    if (/ongoing-request="true"/.test(head.Restore ?? '')) {
      return failure(call, 'unsupported', `${where}: it is being restored, which can take ${timeOf(place)}`)
    }
    if (/ongoing-request="false"/.test(head.Restore ?? '')) {
      return failure(call, 'transient', `${where}: it was restored just now`)
    }
    if (restore === undefined) {
      return failure(call, 'unsupported', `${where}: it has to be restored before it can be read`)
    }
    return await askFor(calls, call, key, place, restore)
  } catch (error) {
    return s3Error(call.op, call.where, calls.server, error, call.signal)
  }
}

async function askFor(
  calls: S3Calls,
  call: S3Call,
  key: string,
  place: string,
  { days, tier }: RestoreSettings,
): Promise<StoreError> {
  const where = `it lies in cold storage (${place})`
  // What S3 moved there by itself comes back for good: to name days is an error then.
  const Days = place.endsWith('_ACCESS') ? undefined : days
  const RestoreRequest = { Days, GlacierJobParameters: { Tier: tier as Tier } }
  const input = { Bucket: calls.bucket, Key: key, RestoreRequest }
  try {
    const { $metadata } = await calls.sendRaw(call, new RestoreObjectCommand(input))
    if ($metadata.httpStatusCode === 200) return failure(call, 'transient', `${where}: it was restored just now`)
    const message = `${where}: a restore was requested, which takes about ${timeOf(place, tier)}; get it again then`
    return failure(call, 'unsupported', message)
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    if (refusal.code === 'RestoreAlreadyInProgress') {
      return failure(call, 'unsupported', `${where}: it is being restored, which can take ${timeOf(place)}`)
    }
    const { code = refusal.status } = refusal
    return failure(call, 'unsupported', `${where}, and ${calls.server.host} does not restore it (${code})`)
  }
}

type Head = Partial<Pick<HeadObjectCommandOutput, 'StorageClass' | 'ArchiveStatus' | 'Restore'>>

/** The storage class; of one in which S3 moves things by itself, where it has moved it. */
function placeOf({ StorageClass, ArchiveStatus }: Head): string {
  return ArchiveStatus ?? StorageClass ?? 'of a kind that is not named'
}

/** How long a restore takes; without a tier, at most. */
function timeOf(place: string, tier = 'Bulk'): string {
  return TIMES[place]?.[tier] ?? TIMES[place]?.Standard ?? 'some hours'
}

function failure({ op, where }: S3Call, kind: 'unsupported' | 'transient', message: string): StoreError {
  return new StoreError({ kind, op, where, message, sent: 'no' })
}
