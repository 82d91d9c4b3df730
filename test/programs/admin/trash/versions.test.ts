import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  type ObjectVersion,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAtomicPuts } from '../../../../src/ria/layout/atomic-puts.ts'
import { datasetDirectory } from '../../../../src/ria/layout/paths.ts'
import { makeStore } from '../../../../src/ria/make-store.ts'
import { S3Calls } from '../../../../src/store/s3/calls.ts'
import { removeOldVersions } from '../../../../src/store/s3/kept/old-versions.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { policyForAll, type TestS3, useTestS3 } from '../../../support/servers/s3.ts'
import { read, write } from '../../../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let s3: TestS3
let client: S3Client
const before = { ...process.env }

beforeAll(async () => {
  workspace = await makeWorkspace()
  s3 = await useTestS3()
  client = s3.client()
  Object.assign(process.env, workspace.env, {
    AWS_ACCESS_KEY_ID: s3.account.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.account.secretAccessKey,
  })
})
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await workspace?.remove()
})

/** All that a bucket keeps whose name has to do with a dataset, marks among it. */
async function keptOf(Bucket: string, id: string): Promise<ObjectVersion[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }))
  return [...Versions, ...DeleteMarkers].filter(({ Key = '' }) => Key.includes(id.slice(3)) || Key.includes('study'))
}

const ID = '9c82d81d-b96f-4c27-a90b-57172f5fd811'

/** A dataset of two keys, with a name, in a bucket; Ceph takes no push where it keeps versions. */
async function storeIn(Bucket: string) {
  const store = openS3Store({ endpoint: s3.endpoint, bucket: Bucket, prefix: 'store', credentials: s3.account })
  await makeStore(store, false, {})
  await recordAtomicPuts(store, {})
  const directory = datasetDirectory(ID)
  for (const key of ['MD5-s1--a', 'MD5-s1--b'])
    await write(store, `${directory}/annex/objects/W8/p2/${key}/${key}`, 'a')
  await write(store, `${directory}/ria-layout-version`, '2\n')
  await write(store, 'alias/study/riastore-alias', `${directory}\n`)
  return { store, url: `ria+s3+${s3.endpoint}/${Bucket}/store`, id: ID }
}

async function versionedBucket(name: string): Promise<string> {
  const Bucket = await s3.makeBucket(name)
  await setVersioning(Bucket, 'Enabled')
  return Bucket
}

async function setVersioning(Bucket: string, Status: 'Enabled' | 'Suspended'): Promise<void> {
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))
}

test('rm --now of a dataset in a bucket with versions removes those, too, also when it was removed before', async () => {
  const Bucket = await versionedBucket('versions')
  const { store, url, id } = await storeIn(Bucket)
  await write(store, 'other/dataset/ria-layout-version', '2\n')
  await write(store, 'other/dataset/ria-layout-version', '2|l\n')
  const removed = await riastore(['rm', '--now', '--yes', '--json', url, id])
  expect([removed.code, removed.stderr]).toEqual([0, ''])
  const [proof] = objectsOf(removed, 'dataset')
  expect(proof).toMatchObject({ left: 0, versioning: 'on', versions: expect.any(Number) })
  expect(Number(proof?.versions)).toBeGreaterThan(Number(proof?.files))
  const stone = `store/trash/${id}/removed`
  expect((await keptOf(Bucket, id)).map(({ Key, IsLatest }) => [Key, IsLatest])).toEqual([[stone, true]])
  expect(await riastore(['rm', '--now', '--yes', url, id])).toMatchObject({ code: 1 })
  // What is there is not what was removed: it stays, with what was kept of it.
  const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'store/other' }))
  expect(Versions).toHaveLength(2)
  await store.close()
})

test('rm --now does not say that nothing is left where the server locks versions, and nothing comes back', async () => {
  const Bucket = `${s3.bucket}-locked`
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }))
  const Rule = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } as const
  const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const
  await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }))
  const { store, url, id } = await storeIn(Bucket)
  for (const _time of ['first', 'second']) {
    const ran = await riastore(['rm', '--now', '--yes', url, id])
    expect([ran.code, ran.stdout]).toEqual([3, expect.stringMatching(/\d+ versions of them are left at the server/)])
    expect(ran.stderr).toMatch(/^riastore: \S+: the server keeps versions: [^\n]*AccessDenied[^\n]*\n$/)
    expect(ran.stdout).not.toContain('none is left')
    expect((await riastore(['ls', url])).stdout).not.toContain(id)
    expect((await riastore(['show', url, id])).stderr).toContain('it was removed from it')
  }
  await store.close()
})

test('rm --now says that nobody knows what the server keeps where it may not look', async () => {
  const Bucket = await versionedBucket('unseen')
  const { store, url, id } = await storeIn(Bucket)
  const user = await s3.addUser('remover')
  const most = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket']
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy: policyForAll(Bucket, most) }))
  process.env.AWS_ACCESS_KEY_ID = user.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = user.secretAccessKey
  try {
    const ran = await riastore(['rm', '--now', '--yes', '--json', url, id])
    expect([ran.code, objectsOf(ran, 'dataset')]).toMatchObject([3, [{ versioning: 'unknown', versions: 0 }]])
    expect(objectsOf(ran, 'dataset')[0]).not.toHaveProperty('left')
    expect(ran.stderr).toContain('whether the server keeps versions is not known')
  } finally {
    process.env.AWS_ACCESS_KEY_ID = s3.account.accessKeyId
    process.env.AWS_SECRET_ACCESS_KEY = s3.account.secretAccessKey
  }
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy: policyForAll(Bucket) }))
  expect(await riastore(['rm', '--now', '--yes', url, id])).toMatchObject({ code: 0, stderr: '' })
  expect((await keptOf(Bucket, id)).filter(({ Key }) => !Key?.includes('alias/'))).toHaveLength(1)
  await store.close()
})

test('old versions are removed page by page, those of one object on two pages among them, and what is there stays', async () => {
  const Bucket = await versionedBucket('pages')
  const store = openS3Store({ endpoint: s3.endpoint, bucket: Bucket, credentials: s3.account })
  const calls = new S3Calls({ endpoint: s3.endpoint, bucket: Bucket, credentials: s3.account })
  const [first = '', ...others] = ['of/a #1 +%', 'of/a #2 +%', 'of/ä', 'of/z']
  for (const name of [first, ...others]) for (const text of ['one', 'two', 'three']) await write(store, name, text)
  await store.remove(first)
  for (const text of ['one', 'two']) await write(store, 'off/another', text)
  const call = { op: 'remove', where: '', signal: new AbortController().signal }
  const removed = await removeOldVersions(calls, call, 'of/', { pageKeys: 2 })
  expect(removed).toEqual({ removed: 3 + 3 * 2, bytes: 11 + 3 * 6, left: 0, why: undefined })
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }))
  expect([Versions.length, DeleteMarkers.length]).toEqual([3 + 2, 0])
  for (const name of others) expect((await read(store, name)).toString()).toBe('three')
  await calls.close()
  await store.close()
})

test('what a file that is stored just now may replace is not removed while versioning is suspended', async () => {
  const Bucket = await s3.makeBucket('suspended')
  const store = openS3Store({ endpoint: s3.endpoint, bucket: Bucket, credentials: s3.account })
  await write(store, 'of/a', 'one')
  await setVersioning(Bucket, 'Enabled')
  for (const text of ['two', 'three']) await write(store, 'of/a', text)
  await setVersioning(Bucket, 'Suspended')
  await write(store, 'of/b', 'gone')
  await store.remove('of/b')
  const kept = async () => {
    const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }))
    return [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => [Key, VersionId === 'null'])
  }
  expect(await store.removeOld?.('of')).toMatchObject({
    removed: 1,
    left: 1,
    why: expect.stringContaining('suspended'),
  })
  expect((await kept()).sort()).toEqual([
    ['of/a', false],
    ['of/a', true],
    ['of/b', true],
  ])
  await setVersioning(Bucket, 'Enabled')
  expect(await store.removeOld?.('of')).toMatchObject({ removed: 1, left: 0 })
  expect(await kept()).toEqual([['of/a', false]])
  await store.close()
})

test('rm --now in a store that is append-only leaves what the server keeps of a dataset', async () => {
  const Bucket = await versionedBucket('kept')
  const { store, url, id } = await storeIn(Bucket)
  expect(await riastore(['rm', '--yes', url, id])).toMatchObject({ code: 0 })
  await write(store, 'ria-layout-version', '1|a\n')
  for await (const { path } of store.list(`trash/${id}`)) if (!path.endsWith('/removed')) await store.remove(path)
  const before = (await keptOf(Bucket, id)).length
  const ran = await riastore(['rm', '--now', '--yes', url, id])
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('append-only')])
  expect(await keptOf(Bucket, id)).toHaveLength(before)
  await store.close()
})
