import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { explain } from '../../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../support/repos/annex-repo.ts'
import { initRemote } from '../../support/repos/ria-store.ts'
import { paths } from '../../support/stores/stores.ts'
import { makeS3Scene, type S3Scene } from '../../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const HOUR_MS = 3_600_000

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  repo = await makeAnnexRepo(workspace, 'repo', { timeoutMs: HOUR_MS, env: scene.env })
})
afterAll(() => workspace?.remove())

test.each<[string, Record<string, string>]>([
  ['as it is', {}],
  ['with encryption=shared and chunk=1MiB', { encryption: 'shared', chunk: '1MiB' }],
])('git annex testremote passes in full on S3 %s', async (name, settings) => {
  const id = await scene.addDataset(`tested-${name.replace(/\W/g, '-')}`)
  const remote = await initRemote(repo, scene.url, id, { name: `s3-${name.replace(/\W/g, '-')}`, settings })
  const result = await repo.tryAnnex('testremote', remote)
  expect(result.status, explain(result)).toBe(0)
  const [, count] = /All (\d+) tests passed/.exec(result.stdout) ?? []
  expect(Number(count)).toBeGreaterThanOrEqual(573)
  const directory = datasetDirectory(id)
  expect(await paths(scene.bucket, directory)).toEqual([`${directory}/ria-layout-version`])
})
