import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetDirectory } from '../../src/ria/layout/paths.ts'
import { placesOf } from '../../src/ria/layout/places.ts'
import type { Store } from '../../src/store/store.ts'
import { killOnS3 } from '../support/kill/kill-archive-s3.ts'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { explain } from '../support/programs/run.ts'
import { type AnnexRepo, cloneAnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { initRemote } from '../support/repos/ria-store.ts'
import type { Fault, S3Faults } from '../support/servers/s3-faults.ts'
import { variants } from '../support/shared/variants.ts'
import { paths, read, write } from '../support/stores/stores.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const MIB = 1024 ** 2
const ID = 'archived-0001-of-the-dataset'
const DIRECTORY = datasetDirectory(ID)

let workspace: Workspace
let scene: S3Scene
let faults: S3Faults
let bucket: Store
let repo: AnnexRepo
let riastore: ArchiveProgram
let env: NodeJS.ProcessEnv
let url: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace, { prefix: 'a store' })
  ;({ faults, bucket, env, url } = scene)
  await scene.addDataset(ID)
  repo = (await makeAnnexRepo(workspace, 'repo')).with({ env })
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const below = async (part: string) =>
  (await paths(bucket, `${DIRECTORY}/${part}`)).map((path) => path.replace(/^.*\//, ''))

/** Of a dataset: a program that was killed leaves its own. */
async function uploads(id: string): Promise<number> {
  const { Uploads = [] } = await scene.s3.client().send(new ListMultipartUploadsCommand({ Bucket: scene.s3.bucket }))
  return Uploads.filter(({ Key }) => Key?.includes(datasetDirectory(id))).length
}

describe('a dataset in S3', () => {
  const files: Record<string, Uint8Array> = { 'large.bin': randomBytes(20 * MIB), empty: Buffer.alloc(0) }
  for (let i = 1; i <= 16; i++) files[`dir ${i % 3}/file ${i}`] = randomBytes(i * 1000)
  let clone: AnnexRepo
  let keys: readonly string[]

  beforeAll(async () => {
    await repo.add(files)
    const remote = await initRemote(repo, url, ID)
    await repo.annex('copy', '--to', remote, '-J4')
    await repo.annex('merge')
    keys = (await below('annex/objects')).sort()
    expect(keys).toHaveLength(Object.keys(files).length)
    clone = await cloneAnnexRepo(repo, 'clone', { env })
    await clone.setConfig(`remote.${remote}.riastore-s3-endpoint`, url)
    await clone.enableRemote(remote)
  })

  const expectAllReadable = async () => {
    await clone.annex('get', '-J4', '--from', 'store')
    for (const [file, content] of Object.entries(files)) {
      expect((await clone.read(file)).equals(content), file).toBe(true)
    }
    await clone.annex('drop', '-J4')
    await clone.annex('fsck', '--from', 'store', '-J4')
  }

  test('is archived, and every key is got and checked from a clone', async () => {
    faults.reset()
    const [report] = await riastore.json(['archive', url, ID], { env })
    expect(report).toMatchObject({ by: 'client', packed: { keys: keys.length }, after: { looseKeys: 0 }, problems: [] })
    expect(await below('annex/objects')).toEqual([])
    expect(await below('archives')).toEqual(['archive.7z'])
    expect(faults.requests.filter((request) => /^DELETE .*annex/.test(request))).toEqual([])
    expect(faults.requests.filter((request) => /^POST .*delete/.test(request)).length).toBeLessThan(5)
    await expectAllReadable()
  })

  test('takes what is stored and dropped after that, and takes it in at the next run', async () => {
    await repo.add({ 'new.txt': 'new\n', 'newer.txt': 'newer\n' })
    await repo.annex('copy', '--to', 'store', 'new.txt', 'newer.txt')
    await repo.annex('drop', '--from', 'store', 'large.bin', 'new.txt')
    expect((await clone.checkPresentKey(await repo.key('large.bin'), 'store')).presence).toBe('absent')
    expect((await clone.checkPresentKey(await repo.key('newer.txt'), 'store')).presence).toBe('present')
    const [report] = await riastore.json(['archive', url, ID], { env })
    expect(report).toMatchObject({ packed: { keys: 1 }, purged: 1, after: { looseKeys: 0, archivedKeys: keys.length } })
    expect((await clone.checkPresentKey(await repo.key('large.bin'), 'store')).presence).toBe('absent')
    expect(await below('archives')).toEqual(['archive.7z'])
    await repo.annex('copy', '--to', 'store', 'large.bin')
    expect((await clone.checkPresentKey(await repo.key('large.bin'), 'store')).presence).toBe('present')
  })

  test('is unarchived, and its keys lie as they did', async () => {
    await riastore.ok(['unarchive', url, ID], { env })
    expect(await below('archives')).toEqual([])
    expect((await below('annex/objects')).sort()).toEqual([...keys, await repo.key('newer.txt')].sort())
    for (const [file, content] of Object.entries(files)) {
      const key = await repo.key(file)
      expect((await read(bucket, `${DIRECTORY}/annex/objects/${placesOf(key, '2')[0]}`)).equals(content), file).toBe(
        true,
      )
    }
    await expectAllReadable()
  })

  test('is worked on by one at a time', async () => {
    faults.misbehave({ on: /^PUT .*archives\/riastore/, silent: true })
    const running = riastore.start(['archive', url, ID], { env })
    await expect.poll(() => below('archives')).toContain('lock')
    const second = await riastore.run(['archive', url, ID], { env })
    expect([second.status, second.stderr.trim().split('\n').length], explain(second)).toEqual([5, 1])
    expect(second.stderr).toMatch(/is being worked on by .*--break-lock removes the lock/)
    faults.reset()
    running.killGroup('SIGKILL')
    await running.done
    // Its process is dead, so nobody has to break it.
    await riastore.ok(['archive', url, ID], { env })
    expect(await below('archives')).toEqual(['archive.7z'])
    await riastore.ok(['unarchive', url, ID], { env })
  })
})

test('an archive that is interrupted while it is sent leaves no upload that costs money, and no lock', async () => {
  const id = 'interrupted-0001'
  await write(bucket, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
  const content = randomBytes(24 * MIB)
  const key = `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`
  await write(bucket, `${datasetDirectory(id)}/annex/objects/${placesOf(key, '2')[0]}`, content)
  faults.reset()
  faults.misbehave({ on: /^PUT .*partNumber=2/, silent: true })
  const running = riastore.start(['archive', url, id], { env })
  await expect.poll(() => faults.requests.some((request) => /partNumber=2/.test(request))).toBe(true)
  await sleep(100)
  expect(await uploads(id)).toBe(1)
  running.child.kill('SIGINT')
  const result = await running.done
  expect(result.status, explain(result)).toBe(130)
  expect(await uploads(id)).toBe(0)
  expect(await paths(bucket, `${datasetDirectory(id)}/archives`)).toEqual([])
  faults.reset()
  await riastore.ok(['archive', url, id], { env })
})

/** What the server does, and how it is made to. */
type Case = readonly [string, readonly Fault[]]

describe('while the server puts a large object together', () => {
  const id = 'assembled-0001'
  const atTheEnd = /^POST .*uploadId=/
  const content = randomBytes(20 * MIB)
  const key = `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`
  const loose = `${datasetDirectory(id)}/annex/objects/${placesOf(key, '2')[0]}`
  const archive = `${datasetDirectory(id)}/archives/archive.7z`

  beforeAll(async () => {
    await write(bucket, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
    await write(bucket, loose, content)
  })

  const silent: Case = ['is silent for longer than a connection may be', [{ on: atTheEnd, delayMs: 4500 }]]
  const blanks: Case = ['sends blanks', [{ on: atTheEnd, blanksThen: 'answer' }]]
  // Ceph would say yes once more.
  const no = { on: atTheEnd, status: 404, code: 'NoSuchUpload' }
  const lost: Case = ['loses its answer', [no, { on: atTheEnd, cutAfter: 0, times: 1 }]]

  test.each(variants([silent], [silent, blanks, lost]))(
    'and %s, it is packed and unpacked, sent once, and nothing else stays',
    async (_what, all) => {
      for (const [command, path] of [
        ['archive', archive],
        ['unarchive', loose],
      ] as const) {
        faults.reset()
        for (const fault of all) faults.misbehave(fault)
        await riastore.ok([command, '--stall-timeout=3', '--yes', url, id], { env })
        const sent = faults.requests.filter((request) => /^PUT .*partNumber=1&/.test(request))
        expect([command, sent.length]).toEqual([command, 1])
        expect(faults.requests.filter((request) => atTheEnd.test(request)).length).toBeGreaterThan(0)
        const rest = (await paths(bucket, datasetDirectory(id))).filter((each) => !/layout-version$/.test(each))
        expect(rest).toEqual([path])
        expect(await uploads(id)).toBe(0)
      }
      expect((await read(bucket, loose)).equals(content)).toBe(true)
    },
  )

  test('and never does it, packing fails, and neither its object nor an upload stays', async () => {
    faults.reset()
    faults.misbehave({ on: atTheEnd, status: 500, code: 'InternalError' })
    const result = await riastore.run(['archive', '--stall-timeout=3', '--yes', url, id], { env })
    expect([result.status, result.stderr.trim().split('\n').length], explain(result)).toEqual([1, 1])
    faults.reset()
    expect((await paths(bucket, datasetDirectory(id))).filter((each) => !/layout-version$/.test(each))).toEqual([loose])
    expect(await uploads(id)).toBe(0)
  })
})

test('killed at any moment it has lost nothing, and the next run finishes', async () => {
  const [kills = 3] = variants([1], [3])
  expect(await killOnS3({ workspace, riastore, bucket, url, env, kills })).toHaveLength(kills)
})
