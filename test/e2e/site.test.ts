import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { objectsOf } from '../support/programs/console-double.ts'
import { systemPath } from '../support/programs/programs.ts'
import { explain, run, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { assortedFiles } from '../support/repos/annex-repo.ts'
import { variants } from '../support/shared/variants.ts'
import {
  checksums,
  filesWith,
  GROUP,
  makeSiteScene,
  type Scheme,
  type SiteScene,
} from '../support/worlds/site-scene.ts'
import { quickDataset } from '../support/worlds/site-state.ts'

let scene: SiteScene
beforeAll(async () => {
  scene = await makeSiteScene()
})
afterAll(() => scene?.workspace.remove())

const schemes: readonly Scheme[] = isRoot ? ['file', 'ssh', 'sftp', 's3'] : ['file', 'ssh', 's3']

// In other stores the sibling is that of create-sibling.test.ts.
describe.each(variants<Scheme>(['file'], schemes))('a dataset made with a site whose store is %s', (scheme) => {
  test('is published with one push, and cloned from GitLab and the store by id and alias, with its content', async () => {
    const { gitlab } = scene
    const site = `lab-${scheme}`
    const store = await scene.makeStore(scheme, 'store')
    await scene.addSite(site, store, '--alias', 'the-{name}')
    const name = `mydata-${scheme}`
    const made = await scene.datalad('create', '-c', site, name)
    expect(made.stdout + made.stderr).toContain(`publish with: datalad push --to gitlab`)
    const repo = scene.repo(name)
    expect((await repo.git('status', '--porcelain')).stdout).toBe('')
    const files = assortedFiles()
    for (const [file, content] of Object.entries(files)) await repo.write(file, content)
    await repo.datalad('save', '-m', 'Add files')
    const pushed = await repo.datalad('push', '--to', 'gitlab')
    // Content, then the store, then GitLab.
    const steps = pushed.stdout.match(/(?<= \[to )\S+(?=-storage)|(?<=->)[\w-]+(?=:)/g) ?? []
    expect(
      [...new Set(steps.map((step, i) => (i < Object.keys(files).length - 1 ? 'content' : step)))],
      explain(pushed),
    ).toEqual(['content', site, 'gitlab'])
    const sums = await checksums(repo, Object.keys(files))
    const id = (await repo.git('config', '-f', '.datalad/config', 'datalad.dataset.id')).stdout.trim()
    const sources = {
      gitlab: `${gitlab.url}/${GROUP}/${name}.git`,
      // create-sibling.test.ts clones from each kind of store.
      ...(variants(['file'], schemes).includes(scheme) && { id: `${store}#${id}`, alias: `${store}#~the-${name}` }),
    }
    for (const [from, source] of Object.entries(sources)) {
      await scene.datalad('clone', source, `${name}-${from}`)
      const clone = scene.repo(`${name}-${from}`)
      if (from === 'gitlab') await clone.datalad('get', '.')
      else await clone.annex('get', '-q', '.')
      expect(await checksums(clone, Object.keys(files)), from).toEqual(sums)
    }
  })
})

test('after datalad create could not reach GitLab, datalad run-procedure goes on, with other options if so wished', async () => {
  await scene.addSite('lab', await scene.makeStore('file', 'store'))
  const env = { ...scene.env, GITLAB_TOKEN: scene.gitlab.addToken({ expiresAt: '2020-01-01' }) }
  const cwd = scene.workspace.directory
  const failed = await run('datalad', ['create', '-c', 'lab', 'begun'], { env, cwd })
  expect(failed.status).toBe(1)
  expect(failed.stderr).toMatch(/^riastore: .*expired/m)
  expect(failed.stderr).toMatch(/^\S+begun: to go on from here: datalad run-procedure cfg_lab$/m)
  const repo = scene.repo('begun')
  expect((await repo.git('remote')).stdout).toBe('lab\nlab-storage\n')
  await repo.datalad('run-procedure', 'cfg_lab', '--project-name', 'finished')
  expect((await repo.git('remote')).stdout).toBe('gitlab\nlab\nlab-storage\n')
  expect(scene.gitlab.project(`${GROUP}/finished`)).toBeDefined()
  expect((await repo.git('status', '--porcelain')).stdout).toBe('')
})

test('a site without GitLab publishes to the store alone', async () => {
  await scene.riastore('site', 'add', 'alone', '--store', await scene.makeStore('file', 'store'))
  const { repo } = await quickDataset(scene, 'alone')
  const applied = await runOk('riastore', ['procedure', 'alone', repo.path, '--json'], { env: scene.env })
  expect(objectsOf(applied, 'procedure')).toMatchObject([
    { site: 'alone', sibling: 'alone', pushTo: 'alone', committed: true },
  ])
  expect((await repo.git('remote')).stdout).toBe('alone\nalone-storage\n')
  expect(await repo.config('remote.alone.datalad-publish-depends')).toBe('alone-storage')
})

test('a batch job without riastore on PATH can apply the site', async () => {
  await scene.addSite('lab', await scene.makeStore('file', 'store'))
  const { repo } = await quickDataset(scene, 'batch')
  const { HOME, GIT_CONFIG_GLOBAL, GITLAB_TOKEN } = scene.env
  const env = { HOME, GIT_CONFIG_GLOBAL, GITLAB_TOKEN, GIT_CONFIG_NOSYSTEM: '1', PATH: systemPath }
  const procedure = scene.workspace.path('home/.config/datalad/procedures/cfg_lab')
  const result = await run(procedure, [repo.path], { env, cwd: '/' })
  expect(result.status, explain(result)).toBe(0)
  expect((await repo.git('remote')).stdout).toBe('gitlab\nlab\nlab-storage\n')
})

test('who has to look at the storage sibling first, for a git-annex with verifyremote, is told', async () => {
  await scene.addSite('lab', await scene.makeStore('file', 'store'))
  const { repo } = await quickDataset(scene, 'verified')
  const apply = () => runOk('riastore', ['procedure', 'lab', repo.path], { env: scene.env })
  expect((await apply()).stdout).not.toContain('verifyremote')
  await repo.setConfig('remote.lab-storage.annex-verified', 'automatic')
  expect((await apply()).stdout).toContain('git annex verifyremote lab-storage --safe ID')
  await repo.setConfig('remote.lab-storage.annex-verified', 'verified')
  expect((await apply()).stdout).not.toContain('verifyremote')
})

test('no token is in the list of processes while a dataset is made, in what is said, or in a file', async () => {
  const { token } = scene.gitlab
  await scene.addSite('lab', await scene.makeStore('file', 'store'))
  const env = { ...scene.env, RIASTORE_DEBUG: '1', GIT_TRACE: '1', DATALAD_LOG_LEVEL: 'debug' }
  const running = run('datalad', ['create', '-c', 'lab', 'secret'], { env, cwd: scene.workspace.directory })
  let ended = false
  running.finally(() => {
    ended = true
  })
  const [seen, shown]: [Set<string>, string[]] = [new Set(), []]
  while (!ended) {
    for (const line of await commandLines()) {
      seen.add(line)
      if (line.includes(token)) shown.push(line)
    }
    await sleep(5)
  }
  const result = await running
  expect(result.status, explain(result)).toBe(0)
  expect([...seen].some((line) => line.includes('procedure lab'))).toBe(true)
  expect(shown).toEqual([])
  expect(result.stdout + result.stderr).not.toContain(token)
  expect(await filesWith(token, scene.workspace.directory)).toEqual([])
})

async function commandLines(): Promise<string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const texts = processes.map((pid) => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => ''))
  return (await Promise.all(texts)).map((text) => text.replaceAll('\0', ' '))
}
