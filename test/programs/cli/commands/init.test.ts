import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { findStore, makeStore } from '../../../../src/ria/make-store.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { openMemoryStore } from '../../../../src/store/memory.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { run, runOk } from '../../../support/programs/run.ts'
import { policyForAll, type TestS3, useTestS3 } from '../../../support/servers/s3.ts'
import { type S3Faults, startS3Faults } from '../../../support/servers/s3-faults.ts'
import { paths, read, temporaryDirectory, withMethods, write } from '../../../support/stores/stores.ts'
import { use } from '../../../support/worlds/s3-account.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let root: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  root = join(directory.path, 'deep/store')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

describe('riastore init on a disk', () => {
  test('makes a store, with its parents, and nothing else', async () => {
    const ran = await riastore(['init', root])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toContain(`made a store: ${root}\n`)
    expect(await readFile(join(root, 'ria-layout-version'), 'utf8')).toBe('1\n')
    expect((await readdir(root)).sort()).toEqual(['error_logs', 'ria-layout-version'])
    expect((await stat(join(root, 'error_logs'))).isDirectory()).toBe(true)
    expect(await readdir(join(root, 'error_logs'))).toEqual([])
  })

  test('leaves a store that is there as it is, datasets and all, and makes what is missing', async () => {
    await mkdir(join(root, 'abc/def'), { recursive: true })
    await writeFile(join(root, 'ria-layout-version'), '1|l\n')
    await writeFile(join(root, 'abc/def/ria-layout-version'), '2\n')
    const ran = await riastore(['init', `ria+file://${root}`, '--json'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(objectsOf(ran, 'store')[0]).toMatchObject({ store: root, made: false })
    expect(await readFile(join(root, 'ria-layout-version'), 'utf8')).toBe('1|l\n')
    expect((await readdir(root)).sort()).toEqual(['abc', 'error_logs', 'ria-layout-version'])
  })

  test('makes a store append-only, where git itself then refuses to lose a ref, and that can be said again', async () => {
    const bare = join(root, 'abc/def-1')
    await runOk('git', ['init', '-q', '--bare', bare])
    await writeFile(join(root, 'ria-layout-version'), '1\n')
    await writeFile(join(bare, 'ria-layout-version'), '2\n')
    for (const _time of ['first', 'second']) {
      expect(await riastore(['init', '--append-only', root])).toMatchObject({ code: 0, stderr: '' })
      expect(await readFile(join(root, 'ria-layout-version'), 'utf8')).toBe('1|a\n')
    }
    const git = (...args: string[]) => run('git', ['-C', bare, '-c', 'user.name=A', '-c', 'user.email=a@b', ...args])
    const { stdout: tree } = await git('hash-object', '-w', '-t', 'tree', '/dev/null')
    const { stdout: commit } = await git('commit-tree', '-m', 'one', tree.trim())
    expect(await git('push', '-q', bare, `${commit.trim()}:refs/heads/kept`)).toMatchObject({ status: 0 })
    const deleted = await git('push', '-q', bare, ':refs/heads/kept')
    expect([deleted.status, deleted.stderr]).toEqual([1, expect.stringContaining('deletion prohibited')])
    expect((await git('rev-parse', 'refs/heads/kept')).stdout).toBe(commit)
  })

  test('makes datasets that are named append-only to a day, and nothing else of their store', async () => {
    const [id, other] = ['9c82d81d-b96f-4c27-a90b-57172f5fd811', 'abcdefab-b96f-4c27-a90b-57172f5fd811']
    const place = (each: string) => join(root, each.slice(0, 3), each.slice(3))
    await mkdir(root, { recursive: true })
    await writeFile(join(root, 'ria-layout-version'), '1\n')
    for (const each of [id, other]) {
      await runOk('git', ['init', '-q', '--bare', place(each)])
      await writeFile(join(place(each), 'ria-layout-version'), '2|l\n')
    }
    const ran = await riastore(['init', '--append-only', '--until', '2999-12-31', '--json', root, id])
    expect([ran.code, objectsOf(ran, 'dataset')]).toMatchObject([0, [{ dataset: id, until: '2999-12-31' }]])
    const layouts = [root, place(id), place(other)].map((each) => readFile(join(each, 'ria-layout-version'), 'utf8'))
    expect(await Promise.all(layouts)).toEqual(['1\n', '2|la29991231\n', '2|l\n'])
    expect((await run('git', ['-C', place(id), 'config', 'receive.denyDeletes'])).stdout).toBe('true\n')
    const refused = await riastore(['rm', '--yes', root, id])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('append-only')])
    expect(await riastore(['rm', '--yes', root, other])).toMatchObject({ code: 0 })
    for (const words of [
      ['--until', '2999-12-31'],
      ['--append-only', '--until', '2999-02-31'],
      ['--append-only', '--until', '2020-01-01'],
    ]) {
      expect(await riastore(['init', ...words, root])).toMatchObject({ code: 2 })
    }
    expect(await riastore(['init', root, id])).toMatchObject({ code: 2 })
  })

  test.each([
    ['holds other things', 'data/file', 'x', /something else already \(data\/file\)/],
    ['has a layout that is not known', 'ria-layout-version', '7\n', /layout version 7, and this program knows 1/],
    ['has a layout file that is none', 'ria-layout-version', '<html>', /no layout version: is it a RIA store/],
    ['is a bare repository', 'HEAD', 'ref: refs/heads/main\n', /something else already \(HEAD\)/],
  ])('makes nothing where a directory %s', async (_what, name, content, reason) => {
    const file = join(root, name)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, content)
    const ran = await riastore(['init', root])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toMatch(/^riastore: [^\n]*\n$/)
    expect(ran.stderr).toMatch(reason)
    expect(await readdir(root)).toEqual([name.split('/')[0]])
    expect(await readFile(file, 'utf8')).toBe(content)
  })

  test('makes nothing in the root of the file system, which holds other things', async () => {
    const ran = await riastore(['init', '/'])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toMatch(/^riastore: make a store \/: there is something else already \([^\n]*\)[^\n]*\n$/)
    expect(await readdir('/')).not.toContain('ria-layout-version')
  })

  test('makes one where nothing but what a killed run left is', async () => {
    await mkdir(join(root, 'riastore-1-0123456789ab-1.tmp'), { recursive: true })
    await writeFile(join(root, 'riastore-1-0123456789ab-1.tmp/written'), 'x')
    expect(await riastore(['init', root])).toMatchObject({ code: 0, stderr: '' })
  })

  test.each([
    ['ria+file:///store#some-id', /leave #some-id away/, 2],
    ['https://host/store', /ria\+https/, 2],
    ['/dev/null/store', /\/dev\/null/, 1],
  ])('%s is refused in one line', async (name, reason, code) => {
    const ran = await riastore(['init', name])
    expect(ran.code).toBe(code)
    expect(ran.stderr).toMatch(/^riastore: [^\n]*\n$/)
    expect(ran.stderr).toMatch(reason)
  })
})

describe('makeStore', () => {
  test('of several at once one makes the store, and the others find it', async () => {
    const stores = Array.from({ length: 6 }, () => openLocalStore({ root }))
    const made = await Promise.all(stores.map((store) => makeStore(store, true, {})))
    expect(made.filter(Boolean)).toHaveLength(1)
    expect((await readdir(root)).sort()).toEqual(['error_logs', 'ria-layout-version'])
    await Promise.all(stores.map((store) => store.close()))
  })

  test('does not replace a layout file that somebody made after it looked', async () => {
    const store = openMemoryStore()
    const late = withMethods(store, {
      put: async (path, ...all) => {
        if (path === 'ria-layout-version') await write(store, path, '1|l\n')
        return store.put(path, ...all)
      },
    })
    expect(await makeStore(late, true, {})).toBe(false)
    expect((await read(store, 'ria-layout-version')).toString()).toBe('1|l\n')
  })

  test('an account that may only read finds the store', async () => {
    const store = openMemoryStore()
    await write(store, 'ria-layout-version', '1\n')
    expect(await findStore(withMethods(store, { traits: { ...store.traits, writable: false } }), {})).toBe('store')
  })
})

describe('riastore init in S3', () => {
  let ceph: TestS3
  let faults: S3Faults
  beforeAll(async () => {
    ceph = await useTestS3()
    faults = await startS3Faults(ceph.endpoint)
  })
  afterAll(() => faults?.close())
  beforeEach(() => {
    faults.reset()
    use(ceph.account)
  })

  const bucket = () => ceph.makeBucket('init')
  const rules = async (Bucket: string) =>
    (await ceph.client().send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules ?? []

  test('makes a store, and has uploads that nobody finished given up; again it changes nothing', async () => {
    const name = await bucket()
    const first = await riastore(['init', `ria+s3+${ceph.endpoint}/${name}/my/store`])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toMatch(/put-if-absent, race +ok/)
    expect(first.stdout).toMatch(/lifecycle +ok +set: .*after 7 days/)
    expect(await rules(name)).toMatchObject([
      {
        Status: 'Enabled',
        Filter: { Prefix: 'my/store/' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ])
    expect(await objects(name)).toEqual([
      'my/store/ria-layout-version',
      expect.stringMatching(/^my\/store\/riastore\/puts-/),
    ])
    const again = await riastore(['init', `ria+s3+${ceph.endpoint}/${name}/my/store`, '--json'])
    expect(objectsOf(again, 'store')[0]).toMatchObject({ made: false })
    expect(again.code).toBe(0)
    expect(await rules(name)).toHaveLength(1)
  })

  test('leaves rules that are there alone, and says how to have uploads given up', async () => {
    const name = await bucket()
    const Rules = [{ ID: 'theirs', Status: 'Enabled' as const, Filter: { Prefix: 'logs/' }, Expiration: { Days: 3 } }]
    const put = new PutBucketLifecycleConfigurationCommand({ Bucket: name, LifecycleConfiguration: { Rules } })
    await ceph.client().send(put)
    const ran = await riastore(['init', `ria+s3+${ceph.endpoint}/${name}/store`])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/lifecycle +warning .*has 1 lifecycle rule already.*AbortIncompleteMultipartUpload/)
    expect(await rules(name)).toMatchObject([{ ID: 'theirs' }])
  })

  test('makes a store where we may not set rules, and says so', async () => {
    const name = await bucket()
    const other = await ceph.addUser('other')
    await allow(name, ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket'])
    use(other)
    const ran = await riastore(['init', `ria+s3+${ceph.endpoint}/${name}`])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/lifecycle +warning .*denies access.*owner of the bucket/)
    expect(await objects(name)).toEqual(['ria-layout-version', expect.stringMatching(/^riastore\/puts-/)])
  })

  test('makes nothing where we may not write', async () => {
    const name = await bucket()
    const other = await ceph.addUser('reader')
    await allow(name, ['s3:GetObject', 's3:ListBucket'])
    use(other)
    const ran = await riastore(['init', `ria+s3+${ceph.endpoint}/${name}`])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^riastore: init .*denies access \(AccessDenied\)\n$/)
    expect(await objects(name)).toEqual([])
  })

  test('refuses a server that ignores If-None-Match, by name, and makes nothing', async () => {
    const name = await bucket()
    await allow(name, ['s3:*'])
    use(undefined)
    faults.misbehave({ on: /^PUT/, deafTo: ['if-none-match'] })
    const ran = await riastore(['init', `ria+s3+${faults.endpoint}/${name}/store`])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^riastore: init .*127\.0\.0\.1:\d+ ignores If-None-Match[^\n]*\n$/)
    expect(await objects(name)).toEqual([])
    faults.reset()
    expect((await riastore(['init', `ria+s3+${faults.endpoint}/${name}/store`])).code).toBe(0)
  })

  test.each([
    ['a bucket that is not there', () => `${ceph.endpoint}/nowhere/store`, /no bucket nowhere/],
    ['a web console', () => `${faults.endpoint}/console`, /does not answer like an S3 server/],
  ])('%s is refused', async (what, url, reason) => {
    if (what === 'a web console') faults.misbehave({ page: '<html>Welcome</html>' })
    const ran = await riastore(['init', `ria+s3+${url()}`])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^riastore: [^\n]*\n$/)
    expect(ran.stderr).toMatch(reason)
    expect(ran.stderr + ran.stdout).not.toMatch(/secret-that/)
  })

  async function objects(name: string): Promise<string[]> {
    const { openS3Store } = await import('../../../../src/store/s3/s3.ts')
    const store = openS3Store({ endpoint: ceph.endpoint, bucket: name, credentials: ceph.account })
    const found = await paths(store, '')
    await store.close()
    return found
  }

  async function allow(name: string, Action: string[]): Promise<void> {
    const Policy = policyForAll(name, Action)
    await ceph.client().send(new PutBucketPolicyCommand({ Bucket: name, Policy }))
  }
})
