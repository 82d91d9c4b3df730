import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOk } from '../support/programs/run.ts'
import { type AnnexRepo, assortedFiles, cloneAnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import {
  addDataset,
  initRemote,
  makeRiaStore,
  type RiaDatasetFiles,
  type RiaStore,
} from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let sshd: Sshd
let store: RiaStore
let source: AnnexRepo
const files = assortedFiles()
/** Files whose keys hold what has to be escaped in file names. */
const oddKeys = {
  'web page': 'URL--http://example.com/a&b/c%20d:80?x=1&y=%25',
  'web/other page': 'URL--https://example.com/%',
}

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
  store = await makeRiaStore(workspace.path('store'))
  source = await makeAnnexRepo(workspace, 'source')
  await source.add(files)
  for (const [file, key] of Object.entries(oddKeys)) {
    const content = randomBytes(1234)
    files[file] = content
    await source.write('content', content)
    await source.annex('setkey', key, 'content')
    await source.annex('fromkey', key, file)
  }
  await source.annex('unlock', 'readme.txt', 'large.bin')
  await source.git('commit', '-q', '-a', '-m', 'Unlock two files')
})
afterAll(() => workspace?.remove())

let counter = 0

describe.each([
  ['ours', 'stock'],
  ['stock', 'ours'],
] as const)('a store written by %s is read and extended by %s', (writer, reader) => {
  const ways = [
    ['file', '1'],
    ['ssh', '2'],
    ['file', '2'],
  ] as const
  // Who writes and who reads differ in their code, not in the layout: each way once.
  const usual = writer === 'ours' ? ways.slice(1, 2) : ways.slice(0, 1)
  test.each(variants(usual, ways))('over %s, layout version %s', async (scheme, version) => {
    const dataset = await addDataset(workspace, store, { version })
    const url = scheme === 'file' ? `ria+file://${store.root}` : `ria+ssh://${sshd.alias}${store.root}`
    const env = { ours: workspace.env, stock: workspace.stockEnv }
    const number = ++counter
    const writing = await cloneAnnexRepo(source, `writing-${number}`, { env: env[writer] })
    await writing.git('remote', 'add', 'content', source.path)
    await writing.annex('get', '--from', 'content', '.')
    const remote = await initRemote(writing, url, dataset.id, { name: `store${number}` })
    await writing.annex('copy', '--to', remote, '.')
    await writing.git('push', '-q', 'origin', 'git-annex')
    await expectKeys(dataset, writing, version)

    const reading = await cloneAnnexRepo(source, `reading-${number}`, { env: env[reader] })
    await reading.enableRemote(remote)
    // git-annex's own word for letting through keys that carry no checksum.
    await reading.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
    await reading.annex('fsck', '--fast', '--from', remote, '.')
    await reading.annex('get', '--from', remote, '.')
    await expectWhole(reading)

    // The reader adds a file and takes another away, and the writer sees both.
    await reading.add({ 'added later.txt': `by the reader ${number}\n` })
    await reading.annex('copy', '--to', remote, 'added later.txt')
    await reading.annex('drop', '--from', remote, '--force', 'web page', 'large.bin')
    const added = await reading.key('added later.txt')
    expect((await writing.checkPresentKey(added, remote)).presence).toBe('present')
    for (const file of ['web page', 'large.bin']) {
      expect((await writing.checkPresent(file, remote)).presence, file).toBe('absent')
    }
    expect((await writing.checkPresent('web/other page', remote)).presence).toBe('present')
    await writing.annex('fsck', '--fast', '--from', remote, 'empty', 'web/other page')
    await expectNoStrays(dataset)
    // What the writer stored the reader can drop, to the last file.
    await reading.annex('drop', '--from', remote, '--force', '.')
    expect(await dataset.keys()).toEqual([])
  })
})

describe.each([
  ['ours', 'stock'],
  ['stock', 'ours'],
] as const)('chunks that %s stored are read and removed by %s', (writer, reader) => {
  test.each(variants(['2'], ['1', '2'] as const))('layout version %s', async (version) => {
    const dataset = await addDataset(workspace, store, { version })
    const env = { ours: workspace.env, stock: workspace.stockEnv }
    const number = ++counter
    const writing = await cloneAnnexRepo(source, `chunking-${number}`, { env: env[writer] })
    await writing.git('remote', 'add', 'content', source.path)
    await writing.annex('get', '--from', 'content', '.')
    const options = { name: `chunked${number}`, settings: { chunk: '100kB' } }
    const remote = await initRemote(writing, `ria+file://${store.root}`, dataset.id, options)
    await writing.annex('copy', '--to', remote, '.')
    await writing.git('push', '-q', 'origin', 'git-annex')
    expect((await dataset.keys()).filter((key) => key.includes('-C2-')).length).toBeGreaterThan(0)

    const reading = await cloneAnnexRepo(source, `unchunking-${number}`, { env: env[reader] })
    await reading.enableRemote(remote)
    await reading.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
    await reading.annex('get', '--from', remote, '.')
    await expectWhole(reading)
    await reading.annex('drop', '--from', remote, '--force', '.')
    expect(await dataset.keys()).toEqual([])
  })
})

/** What DataLad's own test of it does: it looks for these words in what DataLad logs at INFO. */
const FSCK = "from datalad.api import Dataset; Dataset('.').repo.fsck(remote='versions', fast=True)"

test('DataLad logs what ours tells of a layout version that is not known, as it does what stock tells', async () => {
  for (const env of [workspace.env, workspace.stockEnv]) {
    const dataset = await addDataset(workspace, store, { version: '2' })
    const repo = await makeAnnexRepo(workspace, `versions-${++counter}`, { env })
    await repo.add({ file: 'content' })
    await initRemote(repo, `ria+file://${store.root}`, dataset.id, { name: 'versions' })
    await repo.annex('copy', '--to', 'versions', '.')
    const logged = async () => (await runOk('python3', ['-c', FSCK], { env, cwd: repo.path })).stderr
    expect(await logged()).not.toContain('reports version')
    await writeFile(join(dataset.path, 'ria-layout-version'), 'X\n')
    expect((await logged()).match(/\[INFO *\] Remote object tree reports version X/g)).toHaveLength(1)
  }
})

async function expectKeys(dataset: RiaDatasetFiles, repo: AnnexRepo, version: '1' | '2') {
  expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
  for (const file of ['empty', 'sub dir/Ünïcödé – 例.bin']) {
    const place = await dataset.keyFile(repo, await repo.key(file), version)
    expect((await readFile(place)).equals(Buffer.from(files[file] ?? '')), file).toBe(true)
  }
}

async function expectWhole(repo: AnnexRepo) {
  for (const [file, content] of Object.entries(files)) {
    expect((await repo.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
}
