import { GetObjectRetentionCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3'
import { isStoreError } from '../../../core/errors.ts'
import type { S3Call, S3Calls } from '../calls.ts'
import { withCompanion } from '../middleware.ts'

/**
 * Has the server keep an object, as it is now, until a time. In the mode from which who may do
 * that (s3:BypassGovernanceRetention) can free it again: a law may want something gone. One that is
 * locked for longer stays so. Throws StoreError.
 */
export async function lockObject(calls: S3Calls, call: S3Call, Key: string, untilMs: number): Promise<void> {
  const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: new Date(untilMs) } as const
  try {
    await calls.send(
      call,
      withCompanion(new PutObjectRetentionCommand({ Bucket: calls.bucket, Key, Retention }), { md5: true }),
    )
  } catch (error) {
    if (!isStoreError(error, 'denied')) throw error
    const held = await lockedUntil(calls, call, Key).catch(() => 0)
    if (held < untilMs) throw error
  }
}

/** Until when the server says that it keeps an object, in ms since 1970; 0: it does not. */
export async function lockedUntil(calls: S3Calls, call: S3Call, Key: string): Promise<number> {
  const { Retention } = await calls.send(call, new GetObjectRetentionCommand({ Bucket: calls.bucket, Key }))
  return Retention?.RetainUntilDate?.getTime() ?? 0
}
