import { symlink } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../support/programs/run.ts'
import { GROUP, makeSiteScene, type SiteScene } from '../support/worlds/site-scene.ts'
import { quickDataset } from '../support/worlds/site-state.ts'

let scene: SiteScene
beforeAll(async () => {
  scene = await makeSiteScene()
})
afterAll(() => scene?.workspace.remove())

const STORE = 'ria+ssh://store.invalid/data/store'

/** A machine that reaches the store by another way: a rule of git's. */
function machine(path: string): NodeJS.ProcessEnv {
  const rule = { GIT_CONFIG_KEY_0: `url.ria+file://${path}.insteadOf`, GIT_CONFIG_VALUE_0: STORE }
  return { ...scene.env, GIT_CONFIG_COUNT: '1', ...rule }
}

test('datasets name the store as the site does, wherever each machine finds it', async () => {
  const { workspace, gitlab } = scene
  await scene.makeStore('file', 'inside')
  await symlink(workspace.path('stores/inside'), workspace.path('outside'))
  await scene.addSite('lab', STORE)
  const [inside, outside] = [machine(workspace.path('stores/inside')), machine(workspace.path('outside'))]
  const cwd = workspace.directory
  const { repo: made, id } = await quickDataset(scene, 'mydata')
  const repo = made.with({ env: inside })
  for (const _ of [1, 2]) await runOk('riastore', ['procedure', 'lab', repo.path], { env: inside })
  await repo.write('data', 'some data')
  await repo.datalad('save')
  await repo.datalad('push', '--to', 'gitlab')
  const recorded = async () => {
    const log = (await repo.git('show', 'git-annex:remote.log')).stdout.replace(/timestamp=\S+/g, '')
    return [(await repo.git('show', 'main:.datalad/config')).stdout, ...new Set(log.split('\n'))].join('\n')
  }
  const before = await recorded()
  expect(before).toContain(` url=${STORE} `)
  expect(before).toContain(`= "${STORE}#{id}"`)
  expect(before).not.toContain(workspace.directory)

  const sources = { gitlab: `${gitlab.url}/${GROUP}/mydata.git`, store: `${STORE}#${id}` }
  for (const [name, source] of Object.entries(sources)) {
    await runOk('datalad', ['clone', source, `from-${name}`], { env: outside, cwd })
    const clone = scene.repo(`from-${name}`, { env: outside })
    await clone.annex('get', '-q', 'data')
    expect((await clone.read('data')).toString()).toBe('some data')
  }
  const clone = scene.repo('from-gitlab', { env: outside })
  await runOk('riastore', ['procedure', 'lab', clone.path], { env: outside })
  await clone.write('more', 'more data')
  await clone.datalad('save')
  await clone.datalad('push', '--to', 'gitlab')
  await repo.git('fetch', '-q', 'gitlab')
  await repo.annex('merge')
  await repo.git('merge', '-q', 'gitlab/main')
  await repo.annex('get', '-q', 'more')
  expect((await repo.read('more')).toString()).toBe('more data')
  expect(await recorded()).toBe(before)
})
