import {
  CreateBucketCommand,
  GetObjectRetentionCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import { content } from '../../../support/stores/hostile-sources.ts'
import { read, write } from '../../../support/stores/stores.ts'
import { MIB, useS3 } from '../../../support/worlds/s3-bench.ts'

const bench = useS3()

/** A bucket whose objects nobody can remove for a day. */
async function lockedBucket(client: S3Client, beside: string): Promise<string> {
  const Bucket = `${beside}-locked`
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }))
  const DefaultRetention = { Mode: 'GOVERNANCE', Days: 1 } as const
  const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } } as const
  await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }))
  return Bucket
}

it('a bucket of Ceph that locks its objects by default takes files, whole and in parts, replaced and removed', async () => {
  const { bucket, endpoint, account: credentials, client: makeClient } = bench.ceph
  const client = makeClient()
  const Bucket = await lockedBucket(client, bucket)
  const store = openS3Store({ endpoint, bucket: Bucket, credentials, partBytes: 5 * MIB })
  try {
    const bytes = content(11 * MIB)
    await store.put('large', bufferSource(bytes))
    await write(store, 'small', 'old')
    await write(store, 'small', 'new')
    expect((await read(store, 'large')).equals(bytes)).toBe(true)
    expect((await read(store, 'small')).toString()).toBe('new')
    for (const Key of ['large', 'small']) {
      const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket, Key }))
      expect(Retention).toMatchObject({ Mode: 'GOVERNANCE' })
    }
    await store.remove('small') // what it was is kept below a mark
    expect(await store.stat('small')).toBeUndefined()
  } finally {
    await store.close()
  }
})
