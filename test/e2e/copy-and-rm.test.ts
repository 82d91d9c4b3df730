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
