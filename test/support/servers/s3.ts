import { randomBytes } from 'node:crypto'
import { shared } from '../shared/services.ts'
import { type Ceph, connectCeph, type S3User } from './ceph-rgw.ts'

/** The S3 server that all test files of a run share, and a bucket of one's own on it. */
export interface TestS3 extends Omit<Ceph, 'makeBucket'> {
  /** An empty bucket that nobody else knows. */
  readonly bucket: string
  /** Makes one more, and returns its name, which begins with this one. */
  makeBucket(name: string): Promise<string>
  /**
   * Another account, which may do nothing with the first one's buckets. Its name begins with this
   * one.
   */
  addUser(name: string): Promise<S3User>
}

/**
 * The one way to an S3: a real Ceph, started when the first test file asks. What belongs to a
 * bucket (policies, versions, lifecycles) is yours; what is of the whole server is not. Its
 * misbehaviour is a proxy of your own (s3-faults.ts).
 */
export async function useTestS3(): Promise<TestS3> {
  const ceph = connectCeph(await shared('ceph'))
  const makeBucket = async (name: string) => {
    const unique = `${name}-${randomBytes(6).toString('hex')}`
    await ceph.makeBucket(unique)
    return unique
  }
  return {
    ...ceph,
    bucket: await makeBucket('bucket'),
    makeBucket,
    addUser: (name) => ceph.addUser(`${name}${randomBytes(6).toString('hex')}`),
  }
}

/**
 * The environment of a program that works with this account, or with none. No program then looks
 * for a cloud instance's role.
 */
export function withAccount(env: NodeJS.ProcessEnv, account?: S3User | Ceph['account']): NodeJS.ProcessEnv {
  const without = { ...env, AWS_EC2_METADATA_DISABLED: 'true' }
  if (account === undefined) return without
  return { ...without, AWS_ACCESS_KEY_ID: account.accessKeyId, AWS_SECRET_ACCESS_KEY: account.secretAccessKey }
}

/** The policy under which anybody may do this in a bucket, as PutBucketPolicy takes it. */
export function policyForAll(bucket: string, Action: readonly string[] = ['s3:*']): string {
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`]
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action, Resource }] })
}
