import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test('DataLad clones from a copy and gets, and a clone of what was removed is told so, and not that keys are absent', async () => {
  const [store, copy] = [workspace.path('store'), workspace.path('copy')]
  const repo = await makeDataset(workspace, 'dataset')
  await repo.add({ 'a.dat': 'one', 'sub/b.dat': 'two' })
  await riastore.ok(['create-sibling', '-s', 'store', '--new-store-ok', '--alias', 'study', `ria+file://${store}`], {
    cwd: repo.path,
  })
  await repo.datalad('push', '--to', 'store')
  const id = await datasetId(repo)
  await riastore.ok(['archive', '--yes', store, id])
  await riastore.ok(['copy', store, copy])
  const clone = await dataladClone(workspace, `ria+file://${copy}#~study`, 'clone')
  // The copy's storage sibling is the one of the original, at another place.
  await clone.git('config', 'remote.store-storage.annex-ignore', 'false')
  await clone.git('config', 'remote.store-storage.ora-url', `ria+file://${copy}`)
  await riastore.ok(['rm', '--yes', store, id])
  await clone.datalad('get', '.')
  expect((await clone.read('sub/b.dat')).toString()).toBe('two')
  const fsck = await repo.try('git', 'annex', 'fsck', '--fast', '--from', 'store-storage', 'a.dat')
  expect(fsck.stdout + fsck.stderr).toMatch(
    /the dataset is not in the RIA store: it was removed from it on \d{4}-\d\d-\d\d; riastore restore brings it back/,
  )
  expect((await repo.annex('whereis', 'a.dat')).stdout).toContain('store-storage')
  await riastore.ok(['restore', store, id])
  await repo.annex('fsck', '--from', 'store-storage', 'a.dat')
})

test('after a move a clone does what it is told and has all keys again, and a new clone by DataLad has them at once', async () => {
  const [store, place] = [workspace.path('old-place'), workspace.path('new-place')]
  const repo = await makeDataset(workspace, 'moved')
  await repo.add({ 'a.dat': 'one', 'sub/b.dat': 'two' })
  await riastore.ok(['create-sibling', '-s', 'store', '--new-store-ok', '--alias', 'moved', `ria+file://${store}`], {
    cwd: repo.path,
  })
  await repo.datalad('push', '--to', 'store')
  const told = await riastore.ok(['move', '--yes', '--json', store, place, await datasetId(repo)])
  const [moved] = told.split('\n').flatMap((line) => (line.includes('"clones"') ? [JSON.parse(line)] : []))
  expect(moved).toMatchObject({ recorded: true, problems: [] })
  for (const command of moved.clones as string[]) {
    const [program = '', ...words] = command.replace('SIBLING', 'store').split(' ')
    await repo.try(program, ...words)
  }
  await repo.annex('drop', 'a.dat')
  await repo.annex('get', '--from', 'store-storage', 'a.dat')
  expect((await repo.read('a.dat')).toString()).toBe('one')
  await repo.git('fetch', '-q', 'store')
  const clone = await dataladClone(workspace, `ria+file://${place}#~moved`, 'moved-clone')
  await clone.datalad('get', '.')
  expect((await clone.read('sub/b.dat')).toString()).toBe('two')
})
