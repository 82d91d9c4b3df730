import { once } from 'node:events'
import { rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { objectsOf } from '../support/programs/console-double.ts'
import { explain, type RunOptions, runOk } from '../support/programs/run.ts'
import { type AnnexRepo, createDataset } from '../support/repos/annex-repo.ts'
import { listTree } from '../support/repos/ria-store.ts'
import { created } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram
let clone: AnnexRepo

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
  const dataset = await createDataset(workspace, 'dataset')
  await dataset.add({ 'a.dat': 'content' })
  const store = `ria+file://${workspace.path('store')}`
  await created(dataset, '-s', 'store', '--new-store-ok', '--alias', 'ds', store)
  await dataset.datalad('push', '--to', 'store')
  clone = dataset
})
afterEach(() => clone.try('git', 'config', '--unset', 'remote.store-storage.ora-url'))
afterAll(() => workspace?.remove())

interface Found {
  readonly result: unknown
  readonly why: unknown
  readonly mend?: string
}

/** Runs it in the clone; its findings by check. */
async function doctor(words: readonly string[] = [], options: RunOptions = {}) {
  const args = ['doctor', '--json', '--stall-timeout', '120', ...words]
  const result = await riastore.run(args, { cwd: clone.path, ...options })
  const findings = new Map<unknown, Found>()
  for (const { check, ...found } of objectsOf(result, 'finding')) findings.set(check, found as unknown as Found)
  const bad = [...findings].filter(([, found]) => !['ok', 'skipped'].includes(String(found.result)))
  return { status: result.status, said: explain(result), findings, bad: bad.map(([check]) => check) }
}

/** What it says mends a thing, typed into a shell. */
async function mend({ mend = '' }: Found = expect.fail()): Promise<void> {
  await runOk('sh', ['-ec', mend], { cwd: clone.path, env: workspace.env })
}

const ALL_WELL = { status: 0, bad: [] }

describe('riastore doctor in a clone', () => {
  test('finds all well, and says whose programs are used', async () => {
    const found = await doctor()
    expect(found, found.said).toMatchObject(ALL_WELL)
    expect([...found.findings.keys()]).toEqual(
      expect.arrayContaining(['git', 'git-annex', 'datalad', 'ssh', 'reachable', 'writable', 'clock', '7z']),
    )
    expect(found.findings.get('git-annex-remote-ora')?.why).toContain(`${workspace.path('programs')}/`)
    expect(found.findings.get('git-annex-remote-ora')?.why).toContain("riastore's")
    const left = await listTree(workspace.path('store'))
    expect(left.filter(({ path }) => path.endsWith('.tmp'))).toEqual([])
  })

  test("says that DataLad's git-annex-remote-ora comes first, and what puts ours before it", async () => {
    const behind = workspace.path('behind')
    await symlink(dirname(riastore.path), behind)
    const found = await doctor([], { env: { ...workspace.stockEnv, PATH: `${workspace.stockEnv.PATH}:${behind}` } })
    expect(found.bad, found.said).toEqual(['git-annex-remote-ora'])
    expect(found.findings.get('git-annex-remote-ora')).toMatchObject({
      result: 'warning',
      why: expect.stringMatching(/DataLad's \d.* comes first/),
      mend: `export PATH=${behind}:"$PATH"`,
    })
  })

  test('says that git-annex was told to ignore the storage sibling', async () => {
    await clone.setConfig('remote.store-storage.annex-ignore', 'true')
    const found = await doctor()
    expect([found.status, found.bad], found.said).toEqual([3, ['ignored']])
    await mend(found.findings.get('ignored'))
  })

  test('says that the storage sibling is not enabled', async () => {
    await clone.git('config', '--remove-section', 'remote.store-storage')
    const found = await doctor()
    expect([found.status, found.bad], found.said).toEqual([3, ['storage siblings']])
    await mend(found.findings.get('storage siblings'))
    await clone.agreeToRemotes()
  })

  test('says that datalad push brings no content along', async () => {
    await clone.git('config', '--unset-all', 'remote.store.datalad-publish-depends')
    const found = await doctor()
    expect([found.status, found.bad], found.said).toEqual([0, ['publication']])
    await mend(found.findings.get('publication'))
  })

  test('gives a server up that says nothing', async () => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const url = `ria+dav://127.0.0.1:${port}/store`
    await clone.setConfig('remote.store-storage.ora-url', url)
    const found = await doctor(['--stall-timeout', '1'])
    expect(found.status, found.said).toBe(4)
    expect(found.findings.get('reachable')).toMatchObject({ result: 'failed', why: expect.stringContaining('1 s') })
    server.close()
  })

  test('says that there are no credentials for a bucket', async () => {
    await clone.setConfig('remote.store-storage.ora-url', 'ria+s3+http://127.0.0.1:1/bucket/store')
    const env = { ...workspace.env, AWS_EC2_METADATA_DISABLED: 'true' }
    const found = await doctor([], { env })
    expect([found.status, found.bad], found.said).toEqual([4, ['reachable', 'credentials']])
    expect(found.findings.get('credentials')?.mend).toContain('AWS_ACCESS_KEY_ID')
  })

  test('finds all well again after what it said was done, and examines the store, too, where it is named', async () => {
    const found = await doctor([workspace.path('store')])
    expect(found, found.said).toMatchObject(ALL_WELL)
    expect([...found.findings.keys()]).toEqual(expect.arrayContaining(['git-annex-remote-ora', 'confirmed', 'listing']))
  })

  test('says that the store is gone', async () => {
    await rm(workspace.path('store'), { recursive: true })
    const found = await doctor()
    expect([found.status, found.bad], found.said).toEqual([4, ['reachable']])
    expect(found.findings.get('reachable')?.why).toContain('the RIA store is not there')
  })
})
