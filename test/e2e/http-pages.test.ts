import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { explain } from '../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addDataset, addRemote, initRemote, listTree, makeRiaStore } from '../support/repos/ria-store.ts'
import { startWebServer, type WebServer } from '../support/servers/web-server.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const CONTENT = 'the only copy that is left\n'

let workspace: Workspace
let server: WebServer
let repo: AnnexRepo

beforeAll(async () => {
  workspace = await makeWorkspace()
  const store = await makeRiaStore(workspace.path('store'))
  const dataset = await addDataset(workspace, store)
  repo = await makeAnnexRepo(workspace, 'repo')
  await repo.add({ 'only.txt': CONTENT })
  const remote = await initRemote(repo, `ria+file://${store.root}`, dataset.id, { settings: { encryption: 'shared' } })
  await repo.annex('copy', '--to', remote, 'only.txt')
  // Lost from the store, which git-annex does not know.
  await rm(`${dataset.path}/annex/objects`, { recursive: true })
  expect((await listTree(dataset.path)).filter(({ path }) => path.includes('GPGHMAC'))).toEqual([])
  server = await startWebServer(store.root)
  workspace.onRemove(() => server.close())
  await addRemote(repo, `ria+file://${store.root}`, dataset.id, 'plain')
  for (const name of [remote, 'plain']) await repo.setConfig(`remote.${name}.ora-url`, `ria+${server.url}`)
})
afterAll(() => workspace?.remove())
afterEach(() => server.reset())

test('a web server that shows a page for what it has not never makes git-annex drop the only copy', async () => {
  server.behave(/./, { pageIfAbsent: '<!doctype html><title>Welcome</title>' })
  const { presence, result } = await repo.checkPresent('only.txt', 'store')
  expect(presence).toBe('unknown')
  expect(result.stderr).toMatch(/127\.0\.0\.1:\d+ answers 200 \(text\/html\) for a file that nobody has/)
  const dropped = await repo.tryAnnex('drop', 'only.txt')
  expect(dropped.status, explain(dropped)).toBe(1)
  expect((await repo.read('only.txt')).toString()).toBe(CONTENT)
})

test('without the page the key is seen to be lost, and the copy stays, too', async () => {
  expect((await repo.checkPresent('only.txt', 'store')).presence).toBe('absent')
  expect((await repo.tryAnnex('drop', 'only.txt')).status).toBe(1)
  expect((await repo.read('only.txt')).toString()).toBe(CONTENT)
})

test('a page is not got as the content of a key without a size', async () => {
  const key = 'URL--http://example.org/file'
  server.behave(/annex/, { pageIfAbsent: '<!doctype html><title>Welcome</title>' })
  await repo.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
  await repo.annex('fromkey', '--force', key, 'sizeless.txt')
  await repo.git('commit', '-qm', 'sizeless')
  await repo.annex('setpresentkey', key, await repo.uuid('plain'), '1')
  const got = await repo.tryAnnex('get', 'sizeless.txt')
  expect(got.status, explain(got)).toBe(1)
  expect(await repo.has('sizeless.txt')).toBe(false)
})
