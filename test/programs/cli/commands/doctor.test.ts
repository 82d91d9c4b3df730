import { setMaxListeners } from 'node:events'
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { examineStore } from '../../../../src/admin/doctor/examine.ts'
import { Interrupted } from '../../../../src/cli/terminal.ts'
import { StoreError } from '../../../../src/core/errors.ts'
import type { Finding } from '../../../../src/core/finding.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, type Ran, riastore } from '../../../support/programs/console-double.ts'
import { policyForAll, type TestS3, useTestS3 } from '../../../support/servers/s3.ts'
import { type S3Faults, startS3Faults } from '../../../support/servers/s3-faults.ts'
import { startWebServer } from '../../../support/servers/web-server.ts'
import { temporaryDirectory, withMethods } from '../../../support/stores/stores.ts'
import { use } from '../../../support/worlds/s3-account.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let root: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  root = join(directory.path, 'store')
  await mkdir(root)
  await writeFile(join(root, 'ria-layout-version'), '1\n')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

function findings(ran: Ran): Finding[] {
  return objectsOf(ran, 'finding') as unknown as Finding[]
}

const unsafe = (all: readonly Finding[]) => all.filter(({ result }) => result === 'unsafe').map(({ check }) => check)
const finding = (all: readonly Finding[], name: string) => all.find(({ check }) => check === name)

/** What a doctor finds wrong with a store, some of whose methods are as given. */
async function unsafeWith(methods: (store: Store) => Partial<Store>): Promise<string[]> {
  const store = openLocalStore({ root })
  const found = await examineStore(withMethods(store, methods(store)), { report: () => {} })
  await store.close()
  return unsafe(found)
}

describe('riastore doctor on a disk', () => {
  test('finds a good store safe, and leaves nothing in it', async () => {
    const ran = await riastore(['doctor', root])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^check +result +why\n/)
    for (const check of ['reachable', 'layout', 'writable', 'put-if-absent, race', 'read-back', 'ranges', 'moving']) {
      expect(ran.stdout).toMatch(new RegExp(`^${check} +ok `, 'm'))
    }
    expect(await readdir(root)).toEqual(['ria-layout-version'])
  })

  test('--json gives an object a line', async () => {
    const ran = await riastore(['doctor', '--json', `ria+file://${root}`])
    expect(findings(ran)[1]).toEqual({ type: 'finding', check: 'layout', result: 'ok', why: 'version 1' })
    expect(findings(ran).length).toBeGreaterThan(12)
  })

  test.each([
    ['no store is but something else', 'README', 'x', 'failed', /no RIA store/],
    ['its layout is not known', 'ria-layout-version', '3\n', 'unsafe', /layout version 3/],
    ['its layout file is none', 'ria-layout-version', '<html>', 'unsafe', /no layout version/],
  ])('writes nothing, and ends with another code than 0, where %s', async (_what, name, content, result, reason) => {
    await rm(join(root, 'ria-layout-version'))
    await writeFile(join(root, name), content)
    const ran = await riastore(['doctor', '--json', root])
    expect(ran.code).toBe(result === 'failed' ? 4 : 3)
    expect(finding(findings(ran), 'reachable')).toMatchObject({ result: 'ok' })
    expect(finding(findings(ran), 'layout')).toMatchObject({ result, why: expect.stringMatching(reason) })
    expect(finding(findings(ran), 'writable')).toBeUndefined()
    expect(await readdir(root)).toEqual([name])
  })

  test.each([
    ['a name that was mistyped', 'typo', /^there is nothing at .*\/typo: no RIA store/],
    ['an empty directory', 'empty', /^there is nothing at .*\/empty: no RIA store/],
  ])('does not take %s for a store that can be reached, and makes nothing', async (_what, name, why) => {
    await mkdir(join(directory.path, 'empty'))
    const ran = await riastore(['doctor', '--json', join(directory.path, name)])
    expect(ran.code).toBe(4)
    expect(findings(ran)).toMatchObject([{ check: 'reachable', result: 'failed', why: expect.stringMatching(why) }])
    expect((await readdir(directory.path)).sort()).toEqual(['empty', 'store'])
    expect(await readdir(join(directory.path, 'empty'))).toEqual([])
  })

  test('tells of what killed runs left, and does not touch it', async () => {
    const left = join(root, 'abc/def/riastore-1-0123456789ab-1.tmp')
    await mkdir(join(left, '..'), { recursive: true })
    await writeFile(left, 'x')
    const young = await riastore(['doctor', '--json', root])
    expect(finding(findings(young), 'leftovers')).toMatchObject({ result: 'ok' })
    await utimes(left, 1e9, 1e9)
    const ran = await riastore(['doctor', '--json', root])
    expect(ran.code).toBe(0)
    expect(finding(findings(ran), 'leftovers')).toMatchObject({
      result: 'warning',
      why: expect.stringContaining('abc/def/riastore-1-0123456789ab-1.tmp'),
    })
    expect(await readdir(join(root, 'abc/def'))).toHaveLength(1)
  })

  test('ends with the code of the signal that interrupted it, and leaves nothing', async () => {
    const stop = new AbortController()
    stop.abort(new Interrupted('SIGINT'))
    expect(await riastore(['doctor', root], { signal: stop.signal })).toMatchObject({ code: 130, stderr: '' })
    expect(await readdir(root)).toEqual(['ria-layout-version'])
  })
})

test('a doctor who is told to stop in the middle leaves nothing', async () => {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const store = openLocalStore({ root })
  const report = ({ check }: Finding) => {
    if (check === 'ranges') stop.abort(new Interrupted('SIGINT'))
  }
  await expect(examineStore(store, { signal: stop.signal, report })).rejects.toMatchObject({ kind: 'aborted' })
  await store.close()
  expect(await readdir(root)).toEqual(['ria-layout-version'])
})

describe('a store that does wrong is found unsafe:', () => {
  const wrongs: readonly [string, string[], (store: Store) => Partial<Store>][] = [
    [
      'one that replaces in spite of put-if-absent',
      ['put-if-absent'],
      (store) => ({ put: (path, source, options) => store.put(path, source, { ...options, ifAbsent: false }) }),
    ],
    [
      'one that looks first and then stores',
      ['put-if-absent, race'],
      (store) => ({
        put: async (path, source, options) => {
          if (options?.ifAbsent && (await store.stat(path))) return store.put(path, source, options)
          return store.put(path, source, { ...options, ifAbsent: false })
        },
      }),
    ],
    [
      'one that mixes up ranges',
      ['ranges'],
      (store) => ({
        get: (path, consume, options) => {
          const range = options?.range as { start: number; end: number } | undefined
          if (range === undefined || range.start === 0) return store.get(path, consume, options)
          return store.get(path, consume, { ...options, range: { start: range.start - 1, end: range.end - 1 } })
        },
      }),
    ],
    [
      'one that forgets the condition of a read',
      ['replacing'],
      (store) => ({
        get: (path, consume, { ifMatch: _, ...options } = {}) => store.get(path, consume, options),
      }),
    ],
    ['one whose listing is late', ['listing'], () => ({ list: async function* () {} })],
    ['one that does not remove', ['removing'], () => ({ remove: async () => {} })],
    ['one that keeps the old name', ['moving'], (store) => ({ move: async () => void store })],
    ['one that is full', ['free space'], () => ({ freeBytes: async () => 0 })],
  ]
  test.each(wrongs)('%s', async (_what, checks, methods) => {
    expect(await unsafeWith(methods)).toEqual(checks)
  })

  test('and a clock that is wrong is told', async () => {
    const store = openLocalStore({ root })
    const late = withMethods(store, {
      stat: async (path, options) => {
        const stat = await store.stat(path, options)
        return stat && { ...stat, mtimeMs: (stat.mtimeMs ?? 0) - 600_000 }
      },
    })
    const found = await examineStore(late, { report: () => {} })
    await store.close()
    expect(finding(found, 'clock')).toMatchObject({ result: 'warning', why: expect.stringMatching(/600 s behind/) })
  })
})

describe('riastore doctor on S3', () => {
  let ceph: TestS3
  let faults: S3Faults
  let name: string
  beforeAll(async () => {
    ceph = await useTestS3()
    faults = await startS3Faults(ceph.endpoint)
  })
  afterAll(() => faults?.close())
  beforeEach(async () => {
    faults.reset()
    use(ceph.account)
    name = await ceph.makeBucket('doctor')
    await riastore(['init', url(ceph)])
  })

  const url = ({ endpoint }: { endpoint: string }) => `ria+s3+${endpoint}/${name}/store`
  const doctor = async (server: { endpoint: string }) => {
    const ran = await riastore(['doctor', '--json', url(server)])
    expect(ran.stderr).toBe('')
    expect(ran.stdout).not.toMatch(/secret-that/)
    return { code: ran.code, all: findings(ran) }
  }
  const versions = async () => {
    const { Versions = [], DeleteMarkers = [] } = await ceph
      .client()
      .send(new ListObjectVersionsCommand({ Bucket: name }))
    return [...Versions, ...DeleteMarkers].map(({ Key }) => Key)
  }
  const open = async (Action: readonly string[] = ['s3:*']) => {
    const Policy = policyForAll(name, Action)
    await ceph.client().send(new PutBucketPolicyCommand({ Bucket: name, Policy }))
    use(undefined)
  }

  test('finds a real Ceph safe, and leaves nothing in it', async () => {
    const before = await versions()
    const { code, all } = await doctor(ceph)
    expect(all.filter(({ result }) => result === 'unsafe' || result === 'warning')).toEqual([])
    expect(code).toBe(0)
    for (const check of ['put-if-absent, race', 'multipart upload', 'ranges', 'checksums', 'versioning', 'lifecycle']) {
      expect(finding(all, check)).toMatchObject({ result: 'ok' })
    }
    expect(finding(all, '7z')?.why).toMatch(/^7zz?.? on this machine packs archives: the keys pass through it$/)
    expect(before).toContain('store/ria-layout-version')
    expect(await versions()).toEqual(before)
  })

  test('names a server that ignores If-None-Match', async () => {
    await open()
    faults.misbehave({ on: /^PUT/, deafTo: ['if-none-match'] })
    const { code, all } = await doctor(faults)
    expect(code).toBe(3)
    expect(unsafe(all)).toEqual(['put-if-absent'])
    expect(finding(all, 'put-if-absent')?.why).toMatch(/^127\.0\.0\.1:\d+ ignores If-None-Match: /)
  })

  test('names a server that ignores If-None-Match in a race only', async () => {
    await open()
    faults.misbehave({ on: /^PUT .*race-2/, deafTo: ['if-none-match'] })
    const { code, all } = await doctor(faults)
    expect(code).toBe(3)
    expect(unsafe(all)).toEqual(['put-if-absent, race'])
    expect(finding(all, 'put-if-absent, race')?.why).toMatch(/ignores If-None-Match in a race: 12 of 12/)
  })

  test.each([
    ['knows no multipart uploads', { on: /^POST .*uploads/, status: 501, code: 'NotImplemented' }, 'multipart upload'],
    ['ignores ranges', { on: /^GET .*large/, deafTo: ['range'] }, 'ranges'],
  ])('finds a server that %s unsafe', async (_what, fault, check) => {
    await open()
    faults.misbehave(fault)
    const { code, all } = await doctor(faults)
    expect([code, unsafe(all)]).toEqual([3, [check]])
  })

  const setVersioning = async (Status: 'Enabled' | 'Suspended') => {
    const VersioningConfiguration = { Status }
    await ceph.client().send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }))
  }

  test('names a real Ceph, which ignores If-None-Match in a bucket with versioning, and leaves no versions behind', async () => {
    const before = await versions()
    await setVersioning('Enabled')
    const { code, all } = await doctor(ceph)
    expect(finding(all, 'versioning')?.result).toBe('warning')
    expect([code, unsafe(all)]).toEqual([3, ['put-if-absent']])
    const init = await riastore(['init', `${url(ceph)}2`])
    expect(init).toMatchObject({ code: 1, stderr: expect.stringMatching(/ignores If-None-Match/) })
    // What was noted of put-if-absent is taken back, and in such a bucket that is a version, too.
    const ofNote = (key: string | undefined) => key?.includes('/riastore/puts-') ?? false
    expect((await versions()).filter((key) => !ofNote(key))).toEqual(before.filter((key) => !ofNote(key)))
  })

  test('finds it safe again when versioning is suspended', async () => {
    const before = await versions()
    await setVersioning('Enabled')
    await setVersioning('Suspended')
    const { code, all } = await doctor(ceph)
    expect(finding(all, 'versioning')?.result).toBe('warning')
    expect([code, unsafe(all)]).toEqual([0, []])
    expect(await versions()).toEqual(before)
  })

  test('is content with a store that we may only read', async () => {
    const other = await ceph.addUser('reader')
    await open(['s3:GetObject', 's3:ListBucket'])
    use(other)
    const { code, all } = await doctor(ceph)
    expect([code, unsafe(all)]).toEqual([0, []])
    expect(finding(all, 'writable')).toMatchObject({ result: 'warning', why: expect.stringMatching(/denies access/) })
  })

  test('finds a lifecycle that deletes what is in the store unsafe', async () => {
    const Rules = [{ ID: 'sweep', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 30 } }]
    const put = new PutBucketLifecycleConfigurationCommand({ Bucket: name, LifecycleConfiguration: { Rules } })
    await ceph.client().send(put)
    const { code, all } = await doctor(ceph)
    expect([code, unsafe(all)]).toEqual([3, ['lifecycle']])
    expect(finding(all, 'lifecycle')?.why).toMatch(/rule sweep/)
  })

  test('tells of a server that does not notice damaged content', async () => {
    await open()
    faults.misbehave({ on: /^PUT .*damaged/, deafTo: ['content-md5'] })
    const { code, all } = await doctor(faults)
    expect([code, unsafe(all)]).toEqual([0, []])
    expect(finding(all, 'checksums')).toMatchObject({
      result: 'warning',
      why: expect.stringMatching(/ignores Content-MD5/),
    })
  })

  test('says what is wrong with the credentials', async () => {
    use({ ...ceph.account, secretAccessKey: 'wrong' })
    const { code, all } = await doctor(ceph)
    expect([code, unsafe(all)]).toEqual([4, []])
    expect(finding(all, 'reachable')).toMatchObject({
      result: 'failed',
      why: expect.stringMatching(/secret key does not belong/),
    })
  })
})

test('a server that gives no answer has failed, and is not called unsafe', async () => {
  const server = await startWebServer(directory.path)
  await server.close()
  const ran = await riastore(['doctor', '--json', `ria+${server.url}/store`])
  expect(ran.code).toBe(4)
  expect(findings(ran)).toMatchObject([{ check: 'reachable', result: 'failed', why: expect.stringMatching(/refused/) }])
})

test('a check during which the server goes away has failed', async () => {
  const gone = new StoreError({ kind: 'unreachable', op: 'move', where: root, message: 'it went away' })
  const store = openLocalStore({ root })
  const found = await examineStore(withMethods(store, { move: () => Promise.reject(gone) }), { report: () => {} })
  await store.close()
  expect(finding(found, 'moving')).toMatchObject({ result: 'failed', why: expect.stringMatching(/it went away/) })
})

test('a store behind a web server is examined by reading', async () => {
  const server = await startWebServer(directory.path)
  const ran = await riastore(['doctor', '--json', `ria+${server.url}/store`])
  await server.close()
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  expect(finding(findings(ran), 'writable')).toMatchObject({ result: 'ok', why: 'for reading only' })
})

test.each(['init', 'doctor'])('riastore %s --help tells what it does', async (command) => {
  const { code, stdout } = await riastore([command, '--help'])
  expect([code, stdout.includes('STORE is a URL')]).toEqual([0, true])
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
})
