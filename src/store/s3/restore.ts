import { HeadObjectCommand, type HeadObjectCommandOutput, RestoreObjectCommand, type Tier } from '@aws-sdk/client-s3'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Thaw, ThawRequest } from '../store.ts'
import { dropBody, type S3Call, type S3Calls } from './calls.ts'
import { refusalOf, s3Error } from './errors.ts'
import { getFirst, statObject } from './stat.ts'

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
  restore: ThawRequest | undefined,
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
    if (isComing(head)) {
      return failure(call, 'unsupported', `${where}: it is being restored, which can take ${timeOf(place)}`)
    }
    if (isBack(head)) {
      return failure(call, 'transient', `${where}: it was restored just now`)
    }
    if (restore === undefined) {
      const message = `${where}: it has to be restored before it can be read (riastore thaw asks for it)`
      return failure(call, 'unsupported', message)
    }
    const time = timeOf(place, restore.tier)
    switch (await askFor(calls, call, key, place, restore)) {
      case 'here':
        return failure(call, 'transient', `${where}: it was restored just now`)
      case 'asked before':
        return failure(call, 'unsupported', `${where}: it is being restored, which can take ${timeOf(place)}`)
      default:
        return failure(
          call,
          'unsupported',
          `${where}: a restore was requested, which takes about ${time}; get it again then`,
        )
    }
  } catch (error) {
    return s3Error(call.op, call.where, calls.server, error, call.signal)
  }
}

/**
 * Tells whether an object can be read, and with `ask` asks for it if not. Undefined: proven absent.
 * The class says little: other servers have names of their own, and read what is in it at once. So
 * what has none of the usual ones counts as cold when the server does not read its first byte.
 */
export async function thawObject(
  calls: S3Calls,
  call: S3Call,
  key: string,
  ask: ThawRequest | undefined,
): Promise<Thaw | undefined> {
  const found = await statObject(calls, call, key)
  if (found === undefined) return undefined
  const { size } = found
  try {
    const head: Head = await calls.sendRaw(call, new HeadObjectCommand({ Bucket: calls.bucket, Key: key }))
    const place = head.ArchiveStatus ?? head.StorageClass
    const here: Thaw = { state: 'here', size, place }
    if (isBack(head) || (head.ArchiveStatus === undefined && READ_AT_ONCE.test(head.StorageClass ?? 'STANDARD'))) {
      return here
    }
    const name = placeOf(head)
    const thawing: Thaw = { state: 'thawing', size, place, takes: timeOf(name) }
    if (isComing(head)) return thawing
    if (await canBeRead(calls, call, key)) return here
    if (ask === undefined) return { state: 'cold', size, place }
    const answer = await askFor(calls, call, key, name, ask)
    if (answer === 'here') return here
    return answer === 'asked' ? { ...thawing, asked: true, takes: timeOf(name, ask.tier) } : thawing
  } catch (error) {
    throw s3Error(call.op, call.where, calls.server, error, call.signal)
  }
}

/** Classes of AWS that need no restore (Amazon S3 User Guide, Understanding storage classes). */
const READ_AT_ONCE = /^(STANDARD|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|REDUCED_REDUNDANCY|GLACIER_IR)$/

const isComing = ({ Restore = '' }: Head) => /ongoing-request="true"/.test(Restore)
const isBack = ({ Restore = '' }: Head) => /ongoing-request="false"/.test(Restore)

async function canBeRead(calls: S3Calls, call: S3Call, key: string): Promise<boolean> {
  try {
    dropBody((await getFirst(calls, call, key)).Body)
    return true
  } catch (error) {
    if (refusalOf(error)?.code !== 'InvalidObjectState') throw error
    return false
  }
}

/** Asks for an object. Throws StoreError where the server refuses. */
async function askFor(
  calls: S3Calls,
  call: S3Call,
  key: string,
  place: string,
  { days, tier }: ThawRequest,
): Promise<'here' | 'asked' | 'asked before'> {
  // What S3 moved there by itself comes back for good: to name days is an error then.
  const Days = place.endsWith('_ACCESS') ? undefined : days
  const RestoreRequest = { Days, GlacierJobParameters: { Tier: tier as Tier } }
  const input = { Bucket: calls.bucket, Key: key, RestoreRequest }
  try {
    const { $metadata } = await calls.sendRaw(call, new RestoreObjectCommand(input))
    return $metadata.httpStatusCode === 200 ? 'here' : 'asked'
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    if (refusal.code === 'RestoreAlreadyInProgress') return 'asked before'
    const { code = refusal.status } = refusal
    const message = `it lies in cold storage (${place}), and ${calls.server.host} does not restore it (${code})`
    throw failure(call, 'unsupported', message)
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
