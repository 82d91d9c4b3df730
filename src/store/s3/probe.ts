import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import { Calls } from '../common/calls.ts'
import type { CallOptions } from '../store.ts'
import { type S3Call, S3Calls } from './calls.ts'
import type { S3Settings } from './client.ts'
import { refusalOf, s3Error } from './errors.ts'
import { readVersioning } from './kept/keeping.ts'
import { lockedUntil, lockObject } from './kept/lock-object.ts'
import { removeOldVersions } from './kept/old-versions.ts'
import { type Lifecycle, readLifecycle, writeStaleUploadRule } from './lifecycle.ts'
import { md5 } from './middleware.ts'

/**
 * What can be asked of a bucket, and of nothing else that a store may lie in. Everything throws
 * StoreError.
 */
export interface S3Probe {
  /** `host:port` */
  readonly host: string
  readonly bucket: string
  /** Where the store lies in the bucket: empty, or with a slash at its end. */
  readonly prefix: string
  /** Whether what is replaced or removed is kept. `suspended`: it once was. */
  versioning(options?: CallOptions): Promise<'on' | 'suspended' | 'off'>
  lifecycle(options?: CallOptions): Promise<Lifecycle>
  /**
   * Sends a small file with the checksum of another: whether the server notices. The file may be
   * there then.
   */
  noticesDamage(path: string, options?: CallOptions): Promise<boolean>
  /**
   * Has uploads below the store that nobody finished given up after so many days. Throws `conflict`
   * when the bucket has rules already.
   */
  giveUpStaleUploads(days: number, options?: CallOptions): Promise<void>
  /**
   * The number of uploads below the store that were begun before a time and not finished; at most a
   * thousand are counted.
   */
  uploadsOlderThan(time: Date, options?: CallOptions): Promise<number>
  /**
   * Locks a file, as it is now, until a time, in ms since 1970. Throws `denied` where it may not.
   */
  lock(path: string, untilMs: number, options?: CallOptions): Promise<void>
  /** Until when the server says that it keeps a file, in ms since 1970; 0: it does not. */
  lockedUntil(path: string, options?: CallOptions): Promise<number>
  /**
   * Removes every version of what lay below a directory, and is removed. For our own temporary
   * ones.
   */
  removeVersions(directory: string, options?: CallOptions): Promise<void>
  close(): Promise<void>
}

export function openS3Probe(settings: S3Settings): S3Probe {
  const s3 = new S3Calls(settings)
  const running = new Calls()
  const prefix = s3.keyPrefix('')
  const run = <T>(op: string, { signal }: CallOptions, work: (call: S3Call) => Promise<T>) =>
    running.run(op, s3.root, signal, (call) => work({ op, where: s3.root, signal: call.signal }))
  return {
    host: s3.server.host,
    bucket: s3.bucket,
    prefix,
    versioning: (options = {}) => run('read the versioning of', options, (call) => readVersioning(s3, call)),
    lifecycle: (options = {}) => run('read the lifecycle of', options, (call) => readLifecycle(s3, call, prefix)),
    noticesDamage: (path, options = {}) =>
      run('put', options, (call) => noticesDamage(s3, { ...call, where: s3.where(path) }, s3.key('put', path))),
    giveUpStaleUploads: (days, options = {}) =>
      run('set the lifecycle of', options, async (call) => {
        const { rules } = await readLifecycle(s3, call, prefix)
        if (rules > 0) {
          const message = `the bucket has ${rules} lifecycle rule${rules === 1 ? '' : 's'} already, which would be replaced`
          throw new StoreError({ kind: 'conflict', op: call.op, where: call.where, message, sent: 'no' })
        }
        await writeStaleUploadRule(s3, call, prefix, days)
      }),
    uploadsOlderThan: (time, options = {}) =>
      run('list the uploads to', options, (call) => countUploads(s3, call, prefix, time)),
    lock: (path, untilMs, options = {}) =>
      run('lock', options, (call) => lockObject(s3, { ...call, where: s3.where(path) }, s3.key('lock', path), untilMs)),
    lockedUntil: (path, options = {}) =>
      run('look at', options, (call) => lockedUntil(s3, { ...call, where: s3.where(path) }, s3.key('look at', path))),
    removeVersions: (directory, options = {}) =>
      run('remove', options, async (call) => {
        await removeOldVersions(s3, call, s3.keyPrefix(directory), { ...options, isOurs: true })
      }),
    close: async () => {
      running.close()
      await s3.close()
    },
  }
}

async function noticesDamage(s3: S3Calls, call: S3Call, Key: string): Promise<boolean> {
  const put = new PutObjectCommand({ Bucket: s3.bucket, Key, Body: 'damaged', ContentMD5: md5('as it was') })
  try {
    const answer = await s3.sendRaw(call, put)
    await s3.confirm(call, answer)
    return false
  } catch (error) {
    if (/^(BadDigest|InvalidDigest)$/.test(refusalOf(error)?.code ?? '')) return true
    throw s3Error(call.op, call.where, s3.server, error, call.signal)
  }
}

async function countUploads(s3: S3Calls, call: S3Call, Prefix: string, time: Date): Promise<number> {
  const { Uploads = [] } = await s3.send(call, new ListMultipartUploadsCommand({ Bucket: s3.bucket, Prefix }))
  return Uploads.filter(({ Initiated }) => Initiated !== undefined && Initiated < time).length
}
