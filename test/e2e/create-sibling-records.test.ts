import { mkdir, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetDirectory } from '../../src/ria/layout/paths.ts'
import { runInProcess } from '../support/programs/in-process.ts'
import { systemProgram } from '../support/programs/programs.ts'
import { explain, runOk } from '../support/programs/run.ts'
import {
  type AnnexRepo,
  dataladClone,
  datasetId,
  exists,
  makeAnnexRepo,
  makeDataset,
} from '../support/repos/annex-repo.ts'
import { created, createSibling, riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
beforeAll(async () => {
  workspace = await makeWorkspace()
})
afterAll(() => workspace?.remove())

const CONTENT = 'what must not be lost\n'

interface Lost {
  readonly repo: AnnexRepo
  /** Directory of a store that is not there yet. */
  readonly store: string
  readonly url: string
}

let count = 0
/** A dataset whose file was copied into a store, of which nothing is left, nor of the siblings. */
async function storedAndLost(kind: 'dataset' | 'annex'): Promise<Lost> {
  count += 1
  const [name, old] = [`repo-${count}`, workspace.path(`old-${count}`)]
  const repo = await (kind === 'dataset' ? makeDataset(workspace, name) : makeAnnexRepo(workspace, name))
  await repo.add({ 'file.dat': CONTENT })
  await created(repo, '-s', 'ria', '--new-store-ok', `ria+file://${old}`)
  await repo.annex('copy', '--to', 'ria-storage', 'file.dat')
  await runOk('chmod', ['-R', 'u+w', old], {})
  await rm(old, { recursive: true })
  for (const remote of ['ria', 'ria-storage']) await repo.git('remote', 'remove', remote)
  const store = workspace.path(`new-${count}`)
  return { repo, store, url: `ria+file://${store}` }
}

const reconfigure = ['--existing', 'reconfigure', '--new-store-ok']

const CORRECTED = /corrected git-annex's records: they had a key in [\w-]+ \([0-9a-f-]{36}\), and \S+ has none/

async function wherever(repo: AnnexRepo): Promise<string> {
  return (await repo.annex('whereis', 'file.dat')).stdout.replace('(recording state in git...)\n', '')
}

/** What believes the records brings the content, and it can be had from there. */
async function expectStored(repo: AnnexRepo, remote: string): Promise<void> {
  await repo.annex('copy', '--fast', '--to', remote, 'file.dat')
  await repo.annex('drop', '--force', 'file.dat')
  await repo.annex('get', '--from', remote, 'file.dat')
  expect((await repo.read('file.dat')).toString()).toBe(CONTENT)
}

/** After a push of DataLad's, somebody else gets the content from the store alone. */
async function expectPushed({ repo, url }: Lost): Promise<void> {
  await repo.datalad('push', '--to', 'ria')
  const clone = await dataladClone(workspace, `${url}#${await datasetId(repo)}`, `clone-${count}`)
  await clone.datalad('get', 'file.dat')
  expect((await clone.read('file.dat')).toString()).toBe(CONTENT)
}

describe('a recorded special remote that is pointed at a new, empty place', () => {
  test('has its records corrected, so that datalad push really brings the content there', async () => {
    const lost = await storedAndLost('dataset')
    const { repo, url } = lost
    const args = ['-s', 'ria', ...reconfigure, '--json', url]
    const made = JSON.parse((await created(repo, ...args)).stdout)
    expect(made.steps.filter((line: string) => CORRECTED.test(line))).toHaveLength(1)
    expect(await wherever(repo)).not.toContain(made.storageUuid)
    await expectPushed(lost)
    const again = JSON.parse((await created(repo, ...args)).stdout)
    expect(again.steps.filter((line: string) => CORRECTED.test(line))).toEqual([])
    expect(await wherever(repo)).toContain(made.storageUuid)
  })

  test('has them corrected too when a site does it', async () => {
    const lost = await storedAndLost('dataset')
    const { repo, url } = lost
    const options = { env: { ...repo.options.env, XDG_CONFIG_HOME: workspace.path('config') }, cwd: repo.path }
    const riastore = (...args: string[]) => runInProcess(riastoreProgram(workspace), args, options)
    expect((await riastore('init', url)).stderr).toBe('')
    expect((await riastore('site', 'add', 'ria', '--store', url)).status).toBe(0)
    expect((await riastore('procedure', 'ria', '.', '--existing', 'reconfigure')).stdout).toMatch(CORRECTED)
    await expectPushed(lost)
  })

  test('has them corrected too when the empty place is where --push-url leads', async () => {
    const { repo, url } = await storedAndLost('annex')
    const read = 'ria+http://store.invalid/store'
    await repo.setConfig(`url.${url}.insteadOf`, read)
    const made = await created(repo, '-s', 'ria', ...reconfigure, '--push-url', url, read)
    expect(made.stdout).toMatch(CORRECTED)
    await expectStored(repo, 'ria-storage')
  })

  test('has them corrected too when it shares the uuid of another (--sameas)', async () => {
    const { repo, url } = await storedAndLost('annex')
    const [id, other] = [await repo.uuid(), workspace.path('another-way')]
    await mkdir(join(other, datasetDirectory(id)), { recursive: true })
    await writeFile(join(other, 'ria-layout-version'), '1\n')
    await writeFile(join(other, datasetDirectory(id), 'ria-layout-version'), '2\n')
    const settings = ['type=external', 'externaltype=ora', `url=ria+file://${other}`, `archive-id=${id}`]
    await repo.annex('initremote', '--sameas=ria-storage', 'way-storage', ...settings)
    await rm(other, { recursive: true })
    const made = await created(repo, '-s', 'way', ...reconfigure, url)
    expect(made.stdout).toMatch(CORRECTED)
    await expectStored(repo, 'way-storage')
  })

  test('has its records as they were when it could not be enabled', async () => {
    const { repo, store, url } = await storedAndLost('annex')
    const before = await wherever(repo)
    const [wrappers, git] = [workspace.path('failing'), await systemProgram('git')]
    await mkdir(wrappers)
    const script = `#!/bin/sh\ncase "$*" in *enableremote*) exit 1;; esac\nexec ${git} "$@"\n`
    await writeFile(join(wrappers, 'git'), script, { mode: 0o755 })
    const env = { ...repo.options.env, PATH: [wrappers, repo.options.env?.PATH].join(delimiter) }
    const failed = await createSibling(repo, ['-s', 'ria', ...reconfigure, url], { env })
    expect(failed.status, explain(failed)).toBe(1)
    expect(failed.stdout).toMatch(CORRECTED)
    expect(await wherever(repo)).toBe(before)
    expect(await exists(join(store, 'ria-layout-version'))).toBe(false)
  })
})
