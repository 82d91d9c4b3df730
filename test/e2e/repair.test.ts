import { chmod, readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { type AnnexRepo, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { openRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { whereis } from '../support/worlds/bulk-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let program: ArchiveProgram
let source: AnnexRepo
let dataset: RiaDatasetFiles
const FILES = { 'flipped.dat': 'the first content', 'cut.dat': 'the second content', 'lost.dat': 'the third content' }

/** A store that stock DataLad made, and filled. */
beforeAll(async () => {
  workspace = await makeWorkspace()
  program = await installArchiveProgram(workspace)
  source = await makeDataset(workspace, 'source', { env: workspace.stockEnv })
  for (const [name, content] of Object.entries(FILES)) await source.write(name, content)
  await source.datalad('save', '-m', 'Add files')
  const root = workspace.path('store')
  await source.datalad('create-sibling-ria', '-s', 'store', '--new-store-ok', '--alias', 'study', `ria+file://${root}`)
  await source.datalad('push', '--to', 'store')
  dataset = openRiaStore(root).dataset(await datasetId(source))
})
afterAll(() => workspace?.remove())

async function damage(file: string, change: (content: Buffer) => Buffer): Promise<void> {
  const path = await dataset.keyFile(source, await source.key(file))
  await chmod(path, 0o644)
  await writeFile(path, change(await readFile(path)))
  await chmod(path, 0o444)
}

test('keys of a store that DataLad made come back from a clone, git-annex is told what is lost, and DataLad gets the rest', async () => {
  const riastore = (...args: string[]) => program.run(args, { env: workspace.env })
  const root = workspace.path('store')
  expect(await riastore('check', '--data', root)).toMatchObject({ status: 0 })
  const flip = (content: Buffer) => Buffer.from(content.map((byte, i) => (i === 3 ? byte ^ 1 : byte)))
  await damage('flipped.dat', flip)
  await damage('cut.dat', (content) => content.subarray(0, 5))
  await damage('lost.dat', flip)
  await source.annex('drop', '--force', 'lost.dat')
  const before = await whereis(source, 'lost.dat')
  const found = await riastore('check', '--data', root)
  expect([found.status, found.stdout]).toEqual([3, expect.stringMatching(/file +flipped\.dat at /)])
  const ran = await riastore('repair', '--yes', '--from', source.path, root, '~study')
  expect([ran.status, ran.stdout]).toEqual([3, expect.stringMatching(/in quarantine 1, left 0$/m)])
  expect(await riastore('check', '--data', root)).toMatchObject({ status: 0 })
  // The storage sibling was the last that was said to have it.
  expect([before.length, await whereis(source, 'lost.dat').catch(() => [])]).toEqual([1, []])
  const clone = await dataladClone(workspace, `ria+file://${root}#~study`, 'clone', { env: workspace.stockEnv })
  await clone.datalad('get', 'flipped.dat', 'cut.dat')
  for (const name of ['flipped.dat', 'cut.dat'] as const) expect((await clone.read(name)).toString()).toBe(FILES[name])
})

test('a damaged key comes back from a remote of the clone that one is in', async () => {
  const root = workspace.path('store')
  await source.datalad('create-sibling-ria', '-s', 'backup', '--new-store-ok', `ria+file://${workspace.path('backup')}`)
  await source.annex('copy', '--to', 'backup-storage', 'flipped.dat')
  await source.annex('drop', '--force', 'flipped.dat')
  await damage('flipped.dat', (content) => content.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) as Buffer)
  expect(await program.run(['check', '--data', root], { env: workspace.env })).toMatchObject({ status: 3 })
  const words = ['repair', '--yes', '--from', 'backup-storage', root, '~study']
  const ran = await program.run(words, { env: workspace.env, cwd: source.path })
  expect([ran.status, ran.stderr]).toEqual([0, ''])
  expect(await program.run(['check', '--data', root], { env: workspace.env })).toMatchObject({ status: 0 })
  await source.annex('get', '--from', 'store-storage', 'flipped.dat')
  expect((await source.read('flipped.dat')).toString()).toBe(FILES['flipped.dat'])
})
