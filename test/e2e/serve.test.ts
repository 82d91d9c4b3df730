import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { explain, type Running, runOk, start } from '../support/programs/run.ts'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { listTree, openRiaStore } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const files = assortedFiles()

let workspace: Workspace
let serving: Running
let root: string
let id: string
let clone: AnnexRepo
let url: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  root = workspace.path('store')
  const repo = await makeDataset(workspace, 'dataset')
  id = await datasetId(repo)
  const dataset = openRiaStore(root).dataset(id)
  await repo.add({ ...files, 'missing.txt': 'not in the store\n' })
  await repo.git('tag', '-a', '-m', 'The first', 'v1')
  await repo.datalad('create-sibling-ria', '-s', 'store', '--new-store-ok', '--alias', 'public', `ria+file://${root}`)
  await repo.datalad('push', '--to', 'store')
  await repo.git('push', 'store', 'v1')
  await repo.annex('drop', '--from', 'store-storage', '--force', 'missing.txt')
  const riastore = workspace.path('programs/package/dist/riastore.js')
  await runOk(process.execPath, [riastore, 'archive', '--yes', root, id], { env: workspace.env })
  expect((await listTree(`${dataset.path}/annex/objects`)).filter(({ kind }) => kind === 'file')).toEqual([])
  serving = start(process.execPath, [riastore, 'serve', '--listen', '127.0.0.1:0', root], { env: workspace.env })
  await serving.says(/serving .* at http:/)
  url = /at (http:\/\/[^ \n]+)\n/.exec(serving.stdout())?.[1] ?? ''
})
afterAll(() => workspace?.remove())

/** Neither ours nor a post-update hook has a part in it. */
const stock = () => ({ env: workspace.stockEnv })

test('stock DataLad and its own ORA clone and get every key of an archive, by id and by alias', async () => {
  // Which directory a name stands for: test/serve/.
  for (const fragment of variants(['~public'], [id, '~public'])) {
    const name = `clone-${fragment.replace('~', '')}`
    clone = await dataladClone(workspace, `ria+${url}#${fragment}`, name, stock())
    await clone.datalad('get', ...Object.keys(files))
    for (const [file, content] of Object.entries(files)) {
      expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
    expect((await clone.git('tag')).stdout).toBe('v1\n')
    expect((await clone.annex('find', '--not', '--in', 'here')).stdout).toBe('missing.txt\n')
  }
})

test.each(['ours', "DataLad's own"])('git annex testremote finds that it can be read by %s', async (whose) => {
  const remote = clone.with(whose === 'ours' ? { env: workspace.env } : stock())
  const result = await remote.tryAnnex('testremote', 'store-storage', '--fast', '--test-readonly=readme.txt')
  expect(result.status, explain(result)).toBe(0)
  expect(result.stdout).toMatch(/All \d+ tests passed/)
})

test('git-annex gets every key by httpalso, too, and its testremote finds that it can be read', async () => {
  const objects = `${url}${id.slice(0, 3)}/${id.slice(3)}/annex/objects`
  const alone = clone.with(stock())
  await alone.git('config', 'annex.security.allowed-ip-addresses', '127.0.0.1')
  await alone.annex('initremote', '--sameas=store-storage', 'also', 'type=httpalso', `url=${objects}`)
  await alone.annex('drop', '--force', ...Object.keys(files))
  await alone.annex('get', '--from', 'also', ...Object.keys(files))
  for (const [file, content] of Object.entries(files)) {
    expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
  expect((await alone.checkPresent('missing.txt', 'also')).presence).toBe('absent')
  const result = await alone.tryAnnex('testremote', 'also', '--fast', '--test-readonly=readme.txt')
  expect(result.status, explain(result)).toBe(0)
})

test('git clones from it what it clones over ssh: the same refs, the same objects, all of them whole', async () => {
  const sshd = await startSshd(workspace)
  const { path } = openRiaStore(root).dataset(id)
  const sources = [`${url}${id.slice(0, 3)}/${id.slice(3)}`, `ssh://${sshd.alias}${path}`]
  const [overHttp, overSsh] = await Promise.all(
    sources.map(async (source, i) => {
      const to = workspace.path(`mirror-${i}`)
      const git = async (...args: string[]) => (await runOk('git', args, { env: workspace.stockEnv })).stdout
      await git('clone', '-q', '--mirror', source, to)
      await git('-C', to, 'fsck', '--full', '--strict', '--no-dangling')
      const objects = await git('-C', to, 'cat-file', '--batch-all-objects', '--batch-check')
      return { refs: await git('-C', to, 'show-ref', '--head'), objects: objects.split('\n').sort() }
    }),
  )
  expect(overHttp).toEqual(overSsh)
  expect(overHttp?.objects.length).toBeGreaterThan(10)
})

test('for it and for ours a key is present, absent, or unknown when the store is gone', async () => {
  const ours = clone.with({ env: workspace.env })
  for (const each of [clone, ours]) {
    expect((await each.checkPresent('readme.txt', 'store-storage')).presence).toBe('present')
    expect((await each.checkPresent('missing.txt', 'store-storage')).presence).toBe('absent')
  }
  await rename(root, `${root}.unmounted`)
  try {
    for (const file of ['readme.txt', 'missing.txt']) {
      expect((await ours.checkPresent(file, 'store-storage')).presence).toBe('unknown')
    }
  } finally {
    await rename(`${root}.unmounted`, root)
  }
})

test('rclone copies a dataset that it sees by WebDAV', async () => {
  const dav = ['--webdav-url', `${url}d/public/`, '--webdav-vendor', 'other', '--config', workspace.path('none')]
  const copied = workspace.path('copied')
  await runOk('rclone', ['copy', ...dav, '--exclude', 'missing.txt', ':webdav:main', copied])
  for (const [file, content] of Object.entries(files)) {
    expect((await readFile(join(copied, file))).equals(Buffer.from(content)), file).toBe(true)
  }
})

test('a program reads a part of a file by its path, and Ctrl-C ends the server', async () => {
  const readme = Buffer.from(files['readme.txt'] ?? '')
  const { stdout } = await runOk('curl', ['-sf', '-r', '1-4', `${url}d/public/main/readme.txt`])
  expect(stdout).toBe(readme.subarray(1, 5).toString())
  await serving.says(/127\.0\.0\.1 - GET \/d\/public\/main\/readme\.txt 206 4\n/)
  serving.killGroup('SIGINT')
  expect((await serving.done).status).toBe(130)
})
