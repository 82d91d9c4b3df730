import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addSiteOnDisk, applySite, expectSiteError, failOnce, SITE_FAILURES } from '../support/kill/site-failures.ts'
import { interruptSite } from '../support/kill/site-interrupt.ts'
import { objectsOf } from '../support/programs/console-double.ts'
import { explain, run } from '../support/programs/run.ts'
import { makeSiteScene, type SiteScene } from '../support/worlds/site-scene.ts'
import { occupy, quickDataset, stateOf } from '../support/worlds/site-state.ts'

let scene: SiteScene
let store: string
/** What an undisturbed run leads to, and how long it takes (ms). */
let expected: Awaited<ReturnType<typeof stateOf>>
let ms: number

beforeAll(async () => {
  scene = await makeSiteScene()
  store = await addSiteOnDisk(scene)
  const undisturbed = await quickDataset(scene, 'undisturbed')
  const result = await applySite(scene, undisturbed.repo)
  expect(result.status, explain(result)).toBe(0)
  ms = result.ms
  expected = await stateOf(scene, store, undisturbed)
})
afterAll(() => scene?.workspace.remove())

test('a run with -n says what it would do and changes nothing, and one that went through is repeated without any change', async () => {
  const dataset = await quickDataset(scene, 'repeated')
  const before = await stateOf(scene, store, dataset)
  const dry = await applySite(scene, dataset.repo, scene.env, '-n', '--json')
  expect(dry.status, explain(dry)).toBe(0)
  expect(objectsOf(dry, 'procedure')).toMatchObject([{ dryRun: true, dataset: dataset.id, committed: true }])
  const said = objectsOf(dry, 'note').map(({ message }) => String(message))
  expect(said.filter((line) => line.startsWith('would ')).length).toBeGreaterThan(3)
  expect(await stateOf(scene, store, dataset)).toEqual(before)
  await applySite(scene, dataset.repo)
  const heads = await dataset.repo.git('rev-parse', 'HEAD', 'git-annex')
  expect((await applySite(scene, dataset.repo)).status).toBe(0)
  expect((await dataset.repo.git('rev-parse', 'HEAD', 'git-annex')).stdout).toBe(heads.stdout)
  expect(await stateOf(scene, store, dataset)).toEqual(expected)
  expect(expected).toMatchObject({ projects: 1, status: '', aliases: ['/the-NAME'] })
})

test('after all kinds of failures, one after the other, the same command comes to what an undisturbed run comes to', async () => {
  const dataset = await quickDataset(scene, 'unlucky')
  for (const failure of SITE_FAILURES) await failOnce(scene, store, dataset, failure)
  const again = await applySite(scene, dataset.repo)
  expect(again.status, explain(again)).toBe(0)
  expect(await stateOf(scene, store, dataset)).toEqual(expected)
})

test('so it does after Ctrl-C at 3 moments', async () => {
  for (const part of [0.25, 0.5, 0.8]) {
    const dataset = await quickDataset(scene, `stopped-at-${part * 100}`)
    await interruptSite(scene, dataset, part * ms)
    expect(await stateOf(scene, store, dataset), String(part)).toEqual(expected)
  }
})

test('a dataset that is in the store from somewhere else is left as it is, unless it is to be reconfigured', async () => {
  const dataset = await quickDataset(scene, 'occupied')
  await occupy(store, dataset.id)
  const before = await stateOf(scene, store, dataset)
  expectSiteError(scene, await applySite(scene, dataset.repo), /in the store already.*--existing reconfigure/)
  expect(await stateOf(scene, store, dataset)).toEqual(before)
  const forced = await applySite(scene, dataset.repo, scene.env, '--existing', 'reconfigure')
  expect(forced.status, explain(forced)).toBe(0)
  const { remotes, projects } = await stateOf(scene, store, dataset)
  expect({ remotes, projects }).toEqual({ remotes: expected.remotes, projects: 1 })
})

test('a project of another dataset is not touched; the message tells how to take another name, and that is noted', async () => {
  const dataset = await quickDataset(scene, 'namesake')
  const mark = 'DataLad dataset 0f57e8aa-0000-4000-8000-000000000000'
  await scene.gitlab.addProject('lab/data/namesake', { description: mark })
  const how = /belongs to the dataset 0f57e8aa.*datalad run-procedure cfg_lab --project-name <name>/
  expectSiteError(scene, await applySite(scene, dataset.repo), how, 1)
  expect(scene.gitlab.project('lab/data/namesake')?.description).toBe(mark)
  const other = await applySite(scene, dataset.repo, scene.env, '--project-name', 'other')
  expect(other.status, explain(other)).toBe(0)
  expect(scene.gitlab.project('lab/data/other')?.description).toContain(dataset.id)
  expect((await applySite(scene, dataset.repo)).status).toBe(0)
  const third = await applySite(scene, dataset.repo, scene.env, '--project-name', 'third')
  expectSiteError(scene, third, /gitlab leads to .*other\.git, not to the project lab\/data\/third/)
  expect(scene.gitlab.project('lab/data/third')).toBeUndefined()
})

test('nothing is done to what is no dataset, or is in the middle of a merge', async () => {
  const { repo } = await quickDataset(scene, 'unfit')
  await writeFile(join(repo.path, '.git/MERGE_HEAD'), (await repo.git('rev-parse', 'HEAD')).stdout)
  expectSiteError(scene, await applySite(scene, repo), /a merge is under way/)
  await rm(join(repo.path, '.git/MERGE_HEAD'))
  await repo.git('rm', '-q', '.datalad/config')
  await repo.git('commit', '-q', '-m', 'none')
  expectSiteError(scene, await applySite(scene, repo), /is no dataset of DataLad/)
  const { env } = scene
  expectSiteError(scene, await run('riastore', ['procedure', 'lab', '/'], { env }), /no git repository/)
  expectSiteError(scene, await run('riastore', ['procedure', 'nolab', repo.path], { env }), /known are lab/)
  expect((await repo.git('remote')).stdout).toBe('')
})
