import {
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
} from '@aws-sdk/client-s3'
import type { S3Call, S3Calls } from './calls.ts'
import { refusalOf, s3Error } from './errors.ts'
import { withCompanion } from './middleware.ts'

/** What a bucket's lifecycle rules do to the objects of a store. */
export interface Lifecycle {
  /** Rules of whatever kind, for whatever part of the bucket. */
  readonly rules: number
  /** After so many days uploads that nobody finished are given up; undefined: never. */
  readonly staleUploadDays: number | undefined
  /** The names of rules that delete what lies in the store. */
  readonly deleting: readonly string[]
}

const RULE_ID = 'riastore-stale-uploads'

/** Reads the rules that are in force below `prefix`. */
export async function readLifecycle(calls: S3Calls, call: S3Call, prefix: string): Promise<Lifecycle> {
  const all = await readRules(calls, call)
  const enabled = all.filter(({ Status }) => Status === 'Enabled')
  const days = enabled
    .filter((rule) => prefix.startsWith(prefixOf(rule)) && isForAll(rule))
    .flatMap(({ AbortIncompleteMultipartUpload: abort }) => abort?.DaysAfterInitiation ?? [])
  return {
    rules: all.length,
    staleUploadDays: days.length === 0 ? undefined : Math.min(...days),
    deleting: enabled.filter((rule) => deletes(rule) && meets(prefix, prefixOf(rule))).map(nameOf),
  }
}

/**
 * Makes the rule that gives up stale uploads below `prefix`, in a bucket that has no rules: there
 * is no way to add one, only to replace all, and another server's own kinds of rules would not
 * survive that.
 */
export async function writeStaleUploadRule(calls: S3Calls, call: S3Call, prefix: string, days: number): Promise<void> {
  const rule: LifecycleRule = {
    ID: RULE_ID,
    Status: 'Enabled',
    Filter: { Prefix: prefix },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: days },
  }
  const input = { Bucket: calls.bucket, LifecycleConfiguration: { Rules: [rule] } }
  const put = withCompanion(new PutBucketLifecycleConfigurationCommand(input), { md5: true })
  await calls.send(call, put)
}

async function readRules(calls: S3Calls, call: S3Call): Promise<readonly LifecycleRule[]> {
  const get = new GetBucketLifecycleConfigurationCommand({ Bucket: calls.bucket })
  try {
    const answer = await calls.sendRaw(call, get)
    await calls.confirm(call, answer)
    return answer.Rules ?? []
  } catch (error) {
    if (refusalOf(error)?.code === 'NoSuchLifecycleConfiguration') return []
    throw s3Error(call.op, call.where, calls.server, error, call.signal)
  }
}

/** The older form has the prefix beside the filter. */
function prefixOf({ Filter, Prefix }: LifecycleRule): string {
  return Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? ''
}

/** Not only for objects of some size, or with some tag. */
function isForAll({ Filter = {} }: LifecycleRule): boolean {
  return Object.entries(Filter).every(([name, value]) => name === 'Prefix' || value === undefined)
}

function deletes({ Expiration }: LifecycleRule): boolean {
  return Expiration?.Days !== undefined || Expiration?.Date !== undefined
}

/** Whether an object can lie below both. */
function meets(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a)
}

function nameOf({ ID }: LifecycleRule): string {
  return ID ?? 'without a name'
}
