import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { datasetDirectory } from '../../../../src/ria/layout/paths.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { policyForAll, type TestS3, useTestS3 } from '../../../support/servers/s3.ts'
import { read, temporaryDirectory, write } from '../../../support/stores/stores.ts'
import { use } from '../../../support/worlds/s3-account.ts'

const ID = '9c82d81d-b96f-4c27-a90b-57172f5fd811'
const DIRECTORY = datasetDirectory(ID)
const KEY = `${DIRECTORY}/annex/objects/W8/p2/MD5-s1--a/MD5-s1--a`
const UNTIL = '2099-12-31'

let s3: TestS3
let client: S3Client
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let Bucket: string
let store: Store

beforeAll(async () => {
  s3 = await useTestS3()
  client = s3.client()
  Bucket = `${s3.bucket}-locked`
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }))
  store = openS3Store({ endpoint: s3.endpoint, bucket: Bucket, prefix: 'store', credentials: s3.account })
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, `${DIRECTORY}/HEAD`, 'ref: refs/heads/main\n')
  await write(store, KEY, 'a')
})
afterAll(() => store?.close())
beforeEach(async () => {
  directory = await temporaryDirectory()
  use(s3.account)
  vi.stubEnv('XDG_CACHE_HOME', directory.path)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

const url = () => `ria+s3+${s3.endpoint}/${Bucket}/store`
const lockOf = (ran: Awaited<ReturnType<typeof riastore>>) =>
  objectsOf(ran, 'finding').find(({ check }) => check === 'object lock')

test('init --append-only --until has Ceph lock what never changes: no program deletes it, and a removed key can be had back', async () => {
  const ran = await riastore(['init', '--append-only', '--until', UNTIL, '--json', url()])
  // Of its kind: it ignores If-None-Match where it keeps versions, which is told, and no obstacle.
  expect(ran.code).toBe(3)
  expect(lockOf(ran)).toMatchObject({
    result: 'ok',
    why: expect.stringMatching(/^3 objects are locked until 2099-12-31/),
  })
  expect((await read(store, 'ria-layout-version')).toString()).toBe('1|a20991231\n')

  const stat = await riastore(['stat', '--refresh', url()])
  expect(stat.stdout).toContain(`append-only until ${UNTIL}: riastore removes and replaces nothing in it\n`)
  expect(stat.stdout).toContain('versioning: on: what any program removes or replaces can be had back\n')
  expect(stat.stdout).toMatch(/^Object Lock: on: .*; nothing is locked by default$/m)
  const refused = await riastore(['rm', '--now', '--yes', url(), ID])
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('append-only')])

  // Another program removes the key: that hides it, and its version stays, whoever asks.
  const Key = `store/${KEY}`
  await client.send(new DeleteObjectCommand({ Bucket, Key }))
  expect(await store.stat(KEY)).toBeUndefined()
  const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))
  const [{ VersionId } = {}] = Versions
  await expect(client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))).rejects.toThrow(
    'forbidden by object lock',
  )
  await client.send(
    new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${encodeURI(Key)}?versionId=${VersionId}` }),
  )
  expect((await read(store, KEY)).toString()).toBe('a')
  // What is replaced as a matter of course is not locked.
  const head = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: `store/${DIRECTORY}/HEAD` }))
  const [{ VersionId: ofHead } = {}] = head.Versions ?? []
  await client.send(new DeleteObjectCommand({ Bucket, Key: `store/${DIRECTORY}/HEAD`, VersionId: ofHead }))
})

test('what came later is locked when the same is said again, what is locked for longer stays so, and without an end nothing is', async () => {
  await write(store, KEY, 'a')
  const longer = { Mode: 'GOVERNANCE', RetainUntilDate: new Date('2103-01-01T00:00:00Z') } as const
  const archive = { Bucket, Key: `store/${DIRECTORY}/archives/archive.7z` }
  await write(store, `${DIRECTORY}/archives/archive.7z`, 'archive')
  await client.send(new PutObjectRetentionCommand({ ...archive, Retention: longer }))
  const [first, again] = [
    await riastore(['init', '--append-only', '--until', '2099-12-31', '--json', url()]),
    await riastore(['init', '--append-only', '--json', url()]),
  ]
  expect([lockOf(first), lockOf(again)]).toMatchObject([
    { result: 'ok', why: expect.stringMatching(/^4 objects are locked/) },
    { result: 'warning', why: 'nothing was locked: a lock has an end, which --until says' },
  ])
  expect(await client.send(new GetObjectRetentionCommand(archive))).toMatchObject({ Retention: longer })
})

test('a day that Ceph cannot write down is not taken for a lock', async () => {
  const ran = await riastore(['init', '--append-only', '--until', '2150-12-31', '--json', url(), ID])
  const why = expect.stringMatching(/^nothing else was locked: the server took 2150-12-31 and made it \d{4}-/)
  expect(lockOf(ran)).toMatchObject({ result: 'warning', why })
})

test('an account that may not lock, or look, is told so, and nothing is claimed', async () => {
  const user = await s3.addUser('unlocking')
  const may = async (...actions: string[]) => {
    const most = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket', ...actions]
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy: policyForAll(Bucket, most) }))
    use(user)
    const ran = await riastore(['init', '--append-only', '--until', '2150-12-31', '--json', url(), ID])
    use(s3.account)
    return lockOf(ran)
  }
  expect(await may()).toMatchObject({ result: 'warning', why: expect.stringMatching(/^not known: we may not look/) })
  const refused = await may('s3:GetBucketVersioning', 's3:GetBucketObjectLockConfiguration')
  expect(refused).toMatchObject({ result: 'warning', why: expect.stringMatching(/, and \d are not: .*AccessDenied/) })
  use(user)
  const { stdout } = await riastore(['stat', '--json', '--refresh', url()])
  expect(objectsOf({ stdout }, 'summary')[0]).toMatchObject({ versioning: 'on', objectLock: 'on' })
})

test('a bucket without versions is told to keep nothing of what other programs remove', async () => {
  const plain = `ria+s3+${s3.endpoint}/${s3.bucket}/store`
  const ran = await riastore(['init', '--append-only', '--until', UNTIL, '--json', plain])
  expect([ran.code, lockOf(ran)]).toMatchObject([0, { result: 'warning', why: expect.stringContaining('no versions') }])
  const { stdout } = await riastore(['stat', '--json', '--refresh', plain])
  expect(objectsOf({ stdout }, 'summary')[0]).toMatchObject({
    appendOnly: true,
    appendOnlyUntil: UNTIL,
    versioning: 'off',
    objectLock: 'off',
  })
})
