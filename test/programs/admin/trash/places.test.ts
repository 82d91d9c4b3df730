import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { afterAll, expect, test } from 'vitest'
import { deleteEntry } from '../../../../src/admin/trash/empty-trash.ts'
import { lastEntry, listEntries } from '../../../../src/admin/trash/entry.ts'
import { removeDataset } from '../../../../src/admin/trash/remove-dataset.ts'
import { removeKeys, restoreKeys } from '../../../../src/admin/trash/remove-keys.ts'
import { restoreDataset } from '../../../../src/admin/trash/restore-dataset.ts'
import { tidyDataset } from '../../../../src/admin/trash/tidy.ts'
import { collectGarbage } from '../../../../src/git/gc.ts'
import { StoredRepository } from '../../../../src/git/repository.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openDavStore } from '../../../../src/store/dav/dav.ts'
import { openSftpStore } from '../../../../src/store/sftp/sftp.ts'
import type { Store } from '../../../../src/store/store.ts'
import { runOk } from '../../../support/programs/run.ts'
import { addDataset, listTree, makeRiaStore } from '../../../support/repos/ria-store.ts'
import { commit } from '../../../support/repos/sample-store.ts'
import { startSshd } from '../../../support/servers/sshd.ts'
import { startApache } from '../../../support/servers/webdav.ts'
import { DIRECTORY, ID } from '../../../support/stores/memory-dataset.ts'
import { listed, paths, read, write } from '../../../support/stores/stores.ts'
import { makeWorkspace } from '../../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
const apache = await startApache()
afterAll(async () => {
  await apache.close()
  await workspace.remove()
})
process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own

async function overSsh(config: readonly string[], name: string): Promise<Store> {
  const root = workspace.path(name)
  await rm(root, { recursive: true, force: true })
  await mkdir(root)
  const { alias } = await startSshd(workspace, { config })
  return openSftpStore({ target: { host: alias }, root, provider: 'ssh2' })
}

const PLACES: readonly [string, () => Promise<Store>][] = [
  ['over ssh', () => overSsh([], 'by-ssh')],
  ['over SFTP without a shell', () => overSsh(['ForceCommand internal-sftp'], 'by-sftp')],
  ['behind WebDAV', async () => openDavStore({ url: `${apache.url}/${randomUUID()}` })],
]
const NAMES = [
  'annex/objects/W8/p2/MD5-s1--a/MD5-s1--a',
  'archives/archive.7z',
  'refs/heads/main',
  'ria-layout-version',
]

/** Without what the store knows of the server. */
const filesOf = async (store: Store) => (await paths(store, '')).filter((path) => !path.startsWith('riastore/'))

test.each(PLACES)('%s a dataset goes into the trash, comes back as it was, and goes for good', async (_where, open) => {
  const store = await open()
  try {
    await write(store, 'ria-layout-version', '1\n')
    for (const name of NAMES) await write(store, `${DIRECTORY}/${name}`, name)
    const dataset = new StoredDataset(store, DIRECTORY, ID)
    const remove = () => removeDataset(dataset, { aliases: [], keepMs: 1e9 })
    const { path } = await remove()
    expect(await paths(store, DIRECTORY)).toEqual([])
    expect(await paths(store, `${path}/dataset`)).toEqual(NAMES.map((name) => `${path}/dataset/${name}`))
    const entry = await lastEntry(store, ID, {})
    if (entry !== undefined) await restoreDataset(store, entry, {})
    expect(await filesOf(store)).toEqual([...NAMES.map((name) => `${DIRECTORY}/${name}`), 'ria-layout-version'])
    for (const name of NAMES) expect((await read(store, `${DIRECTORY}/${name}`)).toString()).toBe(name)
    const again = await remove()
    expect(await deleteEntry(store, again.path, { isDue: () => true })).toMatchObject({ files: NAMES.length })
    expect(await filesOf(store)).toEqual(['ria-layout-version', `trash/${ID}/removed`])
  } finally {
    await store.close()
  }
})

test.each(PLACES)('%s keys go into the trash, and come back as they were', async (_where, open) => {
  const store = await open()
  try {
    await write(store, 'ria-layout-version', '1\n')
    for (const name of NAMES) await write(store, `${DIRECTORY}/${name}`, name)
    const dataset = new StoredDataset(store, DIRECTORY, ID)
    const [name = ''] = NAMES
    const entries = await listed(store.list(`${DIRECTORY}/annex/objects`))
    const gone = await removeKeys(dataset, entries, { keepMs: 1e9, mayGo: async () => true })
    expect(gone.map(({ path }) => path)).toEqual([`${DIRECTORY}/${name}`])
    const ofDataset = async () => (await paths(store, DIRECTORY)).map((path) => path.slice(DIRECTORY.length + 1))
    expect(await ofDataset()).toEqual(NAMES.slice(1))
    const [{ entry } = {}] = await listEntries(store, {}, ID)
    if (entry !== undefined) await restoreKeys(store, dataset, entry, {})
    expect((await read(store, `${DIRECTORY}/${name}`)).toString()).toBe(name)
    expect(await ofDataset()).toEqual(NAMES)
    expect(await paths(store, 'trash')).toEqual([])
  } finally {
    await store.close()
  }
})

test('over ssh gc has git pack what lies loose, and removes nothing that a ref needs', async () => {
  const root = workspace.path('collected')
  const files = await addDataset(workspace, await makeRiaStore(root))
  await commit(workspace, files, { 'README.md': 'one\n' })
  await commit(workspace, files, { 'CHANGES.md': 'two\n' })
  const { alias } = await startSshd(workspace)
  const store = openSftpStore({ target: { host: alias }, root, provider: 'ssh2' })
  try {
    const dataset = new StoredDataset(store, files.path.slice(root.length + 1), files.id)
    expect(await tidyDataset(dataset, {})).toMatchObject({ uploads: 0, lock: 'none' })
    const report = await collectGarbage(new StoredRepository(dataset, { gitDir: undefined, shows: false }), {
      graceMs: 0,
    })
    expect(report.loose).toMatchObject({ after: 0 })
    expect(report.loose?.before).toBeGreaterThan(5)
  } finally {
    await store.close()
  }
  const objects = (await listTree(`${files.path}/objects`)).filter(({ kind }) => kind === 'file')
  expect(objects.filter(({ path }) => /^[0-9a-f]{2}\//.test(path))).toEqual([])
  await runOk('git', ['-C', files.path, 'fsck', '--full', '--strict'], { env: workspace.env })
  const { stdout } = await runOk('git', ['-C', files.path, 'show', 'main:CHANGES.md'], { env: workspace.env })
  expect(stdout).toBe('two\n')
})
