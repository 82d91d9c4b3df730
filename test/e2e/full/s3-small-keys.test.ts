import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { type ArchiveProgram, installArchiveProgram } from '../../support/programs/archive-program.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../support/repos/annex-repo.ts'
import { initRemote } from '../../support/repos/ria-store.ts'
import { paths } from '../../support/stores/stores.ts'
import { makeS3Scene, type S3Scene } from '../../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const COUNT = 10_000
const HOUR_MS = 3_600_000
const ID = 'small-0001-of-the-dataset'

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  repo = await makeAnnexRepo(workspace, 'repo', { timeoutMs: HOUR_MS, env: scene.env })
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const keys = async () => (await paths(scene.bucket, `${datasetDirectory(ID)}/annex/objects`)).length

test('10,000 small keys are stored in S3, checked, archived, got from there, unarchived and dropped', async () => {
  const content = (i: number) => `the content of file ${i}\n`
  for (let i = 0; i < COUNT; i++) await repo.write(`${i % 100}/${i}`, content(i))
  await repo.annex('add', '--jobs=2', '.')
  await repo.git('commit', '-q', '-m', 'Add all')
  const remote = await initRemote(repo, scene.url, await scene.addDataset(ID))
  await repo.annex('copy', '--to', remote, '-J8', '--quiet')
  expect(await keys()).toBe(COUNT)
  await repo.annex('fsck', '--from', remote, '--fast', '-J8', '--quiet')
  const options = { env: scene.env, timeoutMs: HOUR_MS }
  await riastore.ok(['archive', scene.url, ID], options)
  expect(await keys()).toBe(0)
  await repo.annex('drop', '-J4', '--quiet')
  await repo.annex('get', '--from', remote, '-J8', '--quiet')
  for (let i = 0; i < COUNT; i++) expect((await repo.read(`${i % 100}/${i}`)).toString()).toBe(content(i))
  await riastore.ok(['unarchive', scene.url, ID], options)
  expect(await keys()).toBe(COUNT)
  await repo.annex('drop', '--from', remote, '-J8', '--quiet')
  expect(await keys()).toBe(0)
})
