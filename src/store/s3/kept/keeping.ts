import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand } from '@aws-sdk/client-s3'
import { isStoreError } from '../../../core/errors.ts'
import type { Keeping } from '../../keeping.ts'
import type { S3Call, S3Calls } from '../calls.ts'
import { refusalOf, s3Error } from '../errors.ts'

/** What a bucket does with what is replaced or removed. Whoever may not look does not know. */
export async function readKeeping(calls: S3Calls, call: S3Call): Promise<Keeping> {
  const versioning = await ifTold(() => readVersioning(calls, call))
  // A lock is one of a version.
  if (versioning === 'off') return { versioning, objectLock: 'off' }
  return { versioning, objectLock: undefined, ...(await ifTold(() => readObjectLock(calls, call))) }
}

export async function readVersioning(calls: S3Calls, call: S3Call): Promise<'on' | 'suspended' | 'off'> {
  const { Status } = await calls.send(call, new GetBucketVersioningCommand({ Bucket: calls.bucket }))
  return Status === 'Enabled' ? 'on' : Status === 'Suspended' ? 'suspended' : 'off'
}

async function readObjectLock(calls: S3Calls, call: S3Call): Promise<Pick<Keeping, 'objectLock' | 'lockedByDefault'>> {
  const get = new GetObjectLockConfigurationCommand({ Bucket: calls.bucket })
  try {
    const answer = await calls.sendRaw(call, get)
    await calls.confirm(call, answer)
    const { ObjectLockEnabled, Rule } = answer.ObjectLockConfiguration ?? {}
    const { Mode, Days, Years } = Rule?.DefaultRetention ?? {}
    const span = Days === undefined ? `${Years} years` : `${Days} days`
    return {
      objectLock: ObjectLockEnabled === 'Enabled' ? 'on' : 'off',
      lockedByDefault: Mode === undefined ? undefined : `${Mode}, ${span}`,
    }
  } catch (error) {
    if (refusalOf(error)?.code === 'ObjectLockConfigurationNotFoundError') return { objectLock: 'off' }
    throw s3Error(call.op, call.where, calls.server, error, call.signal)
  }
}

/** Undefined where the server does not let us look, or has no such question. */
async function ifTold<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!isStoreError(error, 'denied', 'unsupported')) throw error
    return undefined
  }
}
