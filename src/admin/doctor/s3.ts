import { messageOf, StoreError } from '../../core/errors.ts'
import type { Findings, Outcome } from '../../core/finding.ts'
import type { S3Probe } from '../../store/s3/probe.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Scratch } from './scratch.ts'

/** After so many days an upload that nobody finished is given up. */
export const STALE_UPLOAD_DAYS = 7

/** Checks what only a bucket has. Not being allowed to look is worth a word, no more. */
export async function checkBucket(findings: Findings, probe: S3Probe, call: CallOptions): Promise<void> {
  const warn = () => 'warning' as const
  await findings.check('versioning', () => versioning(probe, call), warn)
  await findings.check('lifecycle', () => lifecycle(probe, call), warn)
  await findings.check('unfinished uploads', () => unfinished(probe, call), warn)
}

/**
 * Checks that content which is damaged on its way up is refused, where it comes with a checksum.
 */
export async function checkChecksums(findings: Findings, scratch: Scratch, probe: S3Probe): Promise<void> {
  await findings.check(
    'checksums',
    async () => {
      if (await probe.noticesDamage(scratch.path('damaged'), scratch.call)) return ['ok', 'damaged content is refused']
      return ['warning', `${probe.host} ignores Content-MD5: content that is damaged on its way there is not noticed`]
    },
    () => 'warning',
  )
}

async function versioning(probe: S3Probe, call: CallOptions): Promise<Outcome> {
  const state = await probe.versioning(call)
  if (state === 'off') return ['ok', 'off: what is dropped is gone']
  if (state === 'suspended') return ['warning', 'suspended: what was replaced while it was on is kept, and paid for']
  return ['warning', 'on: what is dropped is kept, and paid for; some servers (Ceph) ignore If-None-Match then']
}

async function lifecycle(probe: S3Probe, call: CallOptions): Promise<Outcome> {
  const { staleUploadDays, deleting, rules } = await probe.lifecycle(call)
  if (deleting.length > 0)
    return ['unsafe', `the bucket's lifecycle deletes what is in the store (rule ${deleting.join(', ')})`]
  if (staleUploadDays !== undefined)
    return ['ok', `uploads that nobody finished are given up after ${staleUploadDays} days`]
  // Whether the server would take such a rule only shows when it is asked to.
  const how = rules === 0 ? `riastore init tries to set that, else ${howToSet(probe)}` : howToSet(probe)
  return ['warning', `uploads that nobody finishes are kept, and paid for, for ever: ${how}`]
}

async function unfinished(probe: S3Probe, call: CallOptions): Promise<Outcome> {
  const count = await probe.uploadsOlderThan(new Date(Date.now() - STALE_UPLOAD_DAYS * 24 * 3_600_000), call)
  if (count === 0) return ['ok', `none older than ${STALE_UPLOAD_DAYS} days`]
  return ['warning', `${count} older than ${STALE_UPLOAD_DAYS} days`]
}

/**
 * Has stale uploads given up, if nobody has said so yet. Never fails: gives what was done, or what
 * to do.
 */
export async function giveUpStaleUploads(probe: S3Probe, call: CallOptions): Promise<Outcome> {
  const kept = (why: string): Outcome => ['warning', `${why}; ${howToSet(probe)}`]
  try {
    const { staleUploadDays } = await probe.lifecycle(call)
    if (staleUploadDays !== undefined)
      return ['ok', `uploads that nobody finished are given up after ${staleUploadDays} days`]
    await probe.giveUpStaleUploads(STALE_UPLOAD_DAYS, call)
    const now = await probe.lifecycle(call)
    if (now.staleUploadDays === undefined) return kept(`${probe.host} took the lifecycle rule and does not have it`)
    return ['ok', `set: uploads that nobody finishes are given up after ${now.staleUploadDays} days`]
  } catch (error) {
    if (call.signal?.aborted || !(error instanceof StoreError)) throw error
    return kept(messageOf(error))
  }
}

function howToSet({ bucket, prefix }: S3Probe): string {
  const where = prefix === '' ? '' : ` with the prefix ${prefix}`
  return `have the owner of the bucket ${bucket} add a lifecycle rule${where} with AbortIncompleteMultipartUpload after ${STALE_UPLOAD_DAYS} days`
}
