import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { openRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { startWebServer, type WebServer } from '../support/servers/web-server.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const files = assortedFiles()
const remote = 'store-storage'

let workspace: Workspace
let server: WebServer
let clone: AnnexRepo
let dataset: RiaDatasetFiles
let id: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  const root = workspace.path('store')
  const repo = await makeDataset(workspace, 'dataset')
  id = await datasetId(repo)
  dataset = openRiaStore(root).dataset(id)
  await repo.add({ ...files, 'missing.txt': 'not in the store\n' })
  await repo.datalad('create-sibling-ria', '-s', 'store', '--new-store-ok', '--alias', 'public', `ria+file://${root}`)
  await repo.datalad('push', '--to', 'store')
  // What `--post-update-hook` of create-sibling-ria does after each push: git's HTTP needs it.
  await repo.git('-C', dataset.path, 'update-server-info')
  await rm(await dataset.keyFile(repo, await repo.key('missing.txt')))
  server = await startWebServer(root)
  workspace.onRemove(() => server.close())
})
afterAll(() => workspace?.remove())
afterEach(() => server.reset())

const url = () => `ria+${server.url}`

// By its id: test/e2e/archives.test.ts.
test.each(variants(['alias'], ['alias', 'id']))(
  'a dataset is cloned from a web server by its %s and its content is got',
  async (by) => {
    const fragment = by === 'id' ? id : '~public'
    clone = await dataladClone(workspace, `${url()}#${fragment}`, `clone-by-${by}`)
    expect(await clone.config(`remote.${remote}.ora-url`)).toBe(url())
    await clone.annex('get', '-J4', '--from', remote, ...Object.keys(files))
    for (const [file, content] of Object.entries(files)) {
      expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
  },
)

test('what is there is present, what is not there is absent', async () => {
  expect((await clone.checkPresent('readme.txt', remote)).presence).toBe('present')
  expect((await clone.checkPresent('missing.txt', remote)).presence).toBe('absent')
})

// Which answer proves what: test/store/http/http.test.ts, for each.
test.each(variants([403, 503], [401, 403, 429, 500, 503]))(
  'it is unknown what is there when the server answers %i',
  async (status) => {
    server.behave(/./, { status })
    for (const file of ['readme.txt', 'missing.txt']) {
      const { presence, result } = await clone.checkPresent(file, remote)
      expect(presence).toBe('unknown')
      expect(result.stderr).toContain('127.0.0.1')
      expect(result.stderr).toContain(String(status))
    }
  },
)

test('it is unknown what is there when the server answers 404 to everything', async () => {
  server.behave(/./, { status: 404 })
  expect((await clone.checkPresent('readme.txt', remote)).presence).toBe('unknown')
})

test('it is unknown what is there when the server shows the same page for everything', async () => {
  server.behave(/./, { page: '<html>Please log in</html>' })
  expect((await clone.checkPresent('readme.txt', remote)).presence).toBe('unknown')
  expect((await clone.checkPresent('missing.txt', remote)).presence).toBe('unknown')
})

test('a download that ends too early fails, and the next one succeeds', async () => {
  await clone.annex('drop', '--force', 'large.bin')
  server.behave(/large|\.bin$/, { cutAfter: 1024 * 1024 })
  const result = await clone.tryAnnex('get', '--from', remote, 'large.bin')
  server.reset()
  if (result.status !== 0) {
    expect(await clone.has('large.bin')).toBe(false)
    await clone.annex('get', '--from', remote, 'large.bin')
  }
  expect((await clone.read('large.bin')).equals(Buffer.from(files['large.bin'] ?? ''))).toBe(true)
})

test('nothing can be written there, and the refusal says why', async () => {
  await clone.add({ 'new.txt': 'new\n' })
  for (const command of [
    ['copy', '--to', remote, 'new.txt'],
    ['drop', '--force', '--from', remote, 'readme.txt'],
  ]) {
    const result = await clone.tryAnnex(...command)
    expect(result.status).toBe(1)
    expect(result.stdout + result.stderr).toMatch(/http|read-only|can only be read/i)
  }
  expect((await clone.checkPresent('readme.txt', remote)).presence).toBe('present')
})

test('it is unknown what is there when the server is down', async () => {
  await server.close()
  const { presence, result } = await clone.checkPresent('readme.txt', remote)
  expect(presence).toBe('unknown')
  expect(result.stderr).toContain('127.0.0.1')
})
