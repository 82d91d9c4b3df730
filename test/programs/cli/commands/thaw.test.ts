import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../../support/repos/memory-repository.ts'
import { useTestS3 } from '../../../support/servers/s3.ts'
import { type S3Faults, startS3Faults } from '../../../support/servers/s3-faults.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../../../support/stores/memory-dataset.ts'
import { write } from '../../../support/stores/stores.ts'
import { use } from '../../../support/worlds/s3-account.ts'

/**
 * Ceph has no cold storage: a server before it answers for one object as AWS's API reference has it
 * (HeadObject, GetObject, RestoreObject).
 */
let faults: S3Faults
let store: Store
let url: string
let account: Parameters<typeof use>[0]
let phase: 'cold' | 'thawing' | 'back'

beforeAll(async () => {
  const ceph = await useTestS3()
  faults = await startS3Faults(ceph.endpoint)
  const Bucket = await ceph.makeBucket('thaw')
  url = `ria+s3+${faults.endpoint}/${Bucket}/store`
  account = ceph.account
  store = openS3Store({ endpoint: ceph.endpoint, bucket: Bucket, prefix: 'store', credentials: ceph.account })
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await commitFiles(store, DIRECTORY, { 'sub-01/x.dat': annexLink(KEY), README: 'text' })
  await write(store, PLACE, CONTENT)
})
afterAll(async () => {
  await store?.close()
  await faults?.close()
})

beforeEach(() => {
  faults.reset()
  use(account)
  phase = 'cold'
  let looks = 0
  const glacier = { 'x-amz-storage-class': 'GLACIER' }
  const is = (wanted: typeof phase) => () => phase === wanted
  faults.misbehave({ on: /^HEAD.*annex\/objects/, headers: glacier, chance: is('cold') })
  faults.misbehave({
    on: /^HEAD.*annex\/objects/,
    headers: { ...glacier, 'x-amz-restore': 'ongoing-request="true"' },
    chance: () => {
      if (phase !== 'thawing') return false
      looks += 1
      if (looks > 4) phase = 'back'
      return true
    },
  })
  faults.misbehave({
    on: /^GET.*annex\/objects/,
    status: 403,
    code: 'InvalidObjectState',
    chance: () => phase !== 'back',
  })
  faults.misbehave({
    on: /^POST .*restore/,
    status: 202,
    chance: () => {
      phase = 'thawing'
      return true
    },
  })
})

const restores = () => faults.requests.filter((request) => /^POST .*restore/.test(request))

test('-n tells what would be asked for, and asks for nothing', async () => {
  const { code, stdout } = await riastore(['thaw', '-n', '--json', url, ID])
  expect(code).toBe(0)
  expect(objectsOf({ stdout })).toEqual([
    expect.objectContaining({ type: 'file', path: 'sub-01/x.dat', key: KEY, state: 'cold', storageClass: 'GLACIER' }),
    expect.objectContaining({ type: 'summary', keys: 1, here: 0, asked: 1, objects: 1, bytes: 22, dryRun: true }),
  ])
  expect(restores()).toEqual([])
})

test('asks once, waits until the file can be read, and then it is', async () => {
  const before = await riastore(['cat', url, ID, 'sub-01/x.dat'])
  expect(before.code).toBe(1)
  expect(before.stderr).toMatch(/cold storage \(GLACIER\): it has to be restored .*\(riastore thaw asks for it\)\n$/)
  expect(before.stderr).not.toMatch(/not in the store|no such/)
  const { code, stdout, stderr } = await riastore([
    'thaw',
    '--wait',
    '--every',
    '0.1s',
    '--days',
    '2',
    url,
    ID,
    'sub-01',
  ])
  expect([code, stdout]).toEqual([0, 'thawing  sub-01/x.dat (GLACIER)\nall of it can be read\n'])
  expect(stderr).toBe('asked for 1 key in 1 object, 22 B; that takes up to 5 hours\n')
  expect(restores()).toHaveLength(1)
  expect(faults.bodies.find(({ request }) => /restore/.test(request))?.body).toContain('<Days>2</Days>')
  expect((await riastore(['cat', url, ID, 'sub-01/x.dat'])).stdout).toBe(CONTENT.toString())
  expect((await riastore(['thaw', url, ID])).stdout).toBe('nothing is cold: 1 key of 1 can be read\n')
})

test('ends with 1 when the time is over, and says what is left', async () => {
  faults.misbehave({ on: /^POST .*restore/, status: 409, code: 'RestoreAlreadyInProgress' })
  const { code, stderr } = await riastore(['thaw', '--wait', '--timeout', '0.2s', '--every', '0.1s', url, ID])
  expect(code).toBe(1)
  expect(stderr).toMatch(/asked for before/)
  expect(stderr).toMatch(new RegExp(`1 key of ${ID} cannot be read yet, after 0 s\\n$`))
})

test('tells what the server says that does not restore', async () => {
  faults.misbehave({ on: /^POST .*restore/, status: 501, code: 'NotImplemented' })
  const { code, stdout, stderr } = await riastore(['thaw', '--wait', url, ID])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/cold storage \(GLACIER\), and \S+ does not restore it \(NotImplemented\)\n$/)
})
