import { randomBytes } from 'node:crypto'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ArchiveProgram,
  archivesOf,
  installArchiveProgram,
  makeOddKeys,
} from '../support/programs/archive-program.ts'
import { runOk } from '../support/programs/run.ts'
import {
  type AnnexRepo,
  assortedFiles,
  cloneAnnexRepo,
  dataladClone,
  datasetId,
  field,
  makeDataset,
} from '../support/repos/annex-repo.ts'
import {
  addDataset,
  addRemote,
  escapeKey,
  makeRiaStore,
  openRiaStore,
  type RiaDatasetFiles,
  type RiaStore,
} from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let sshd: Sshd
let riastore: ArchiveProgram
/** A DataLad dataset that has all content. */
let source: AnnexRepo
let store: RiaStore
const files: Record<string, string | Uint8Array> = assortedFiles()
/**
 * Without those that have no size: over ssh, DataLad's ORA cannot read them from any place. They
 * are escaped in file names, and under other hash directories for ORA than for git-annex.
 */
const oddKeys = [...makeOddKeys()]
  .filter(([key]) => key.includes('-s17-'))
  .map(([key, content], i) => ({ file: `odd/${i}`, key, content }))

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
  riastore = await installArchiveProgram(workspace, { inProcess: true })
  store = await makeRiaStore(workspace.path('store'))
  source = await makeDataset(workspace, 'source', { env: workspace.stockEnv })
  await source.git('config', 'annex.security.allow-unverified-downloads', 'ACKTHPPT')
  for (const [file, content] of Object.entries(files)) await source.write(file, content)
  await mkdir(join(source.path, 'odd'))
  for (const { file, key, content } of oddKeys) {
    await writeFile(join(source.path, 'content'), content)
    await source.annex('setkey', key, 'content')
    await source.annex('fromkey', key, file)
    files[file] = content
  }
  await source.datalad('save', '-m', 'Add files')
})
afterAll(() => workspace?.remove())

let counter = 0

/**
 * A dataset in the store with all keys in it, put there by DataLad's own ORA; and the name of that
 * remote.
 */
async function stored(version: '1' | '2'): Promise<{ dataset: RiaDatasetFiles; remote: string }> {
  const dataset = await addDataset(workspace, store, { version })
  const remote = await addRemote(source, `ria+file://${store.root}`, dataset.id, `store${++counter}`)
  await source.annex('copy', '--to', remote, '.')
  expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
  return { dataset, remote }
}

/**
 * A clone of the source without content, with DataLad's own ORA, which finds the store at this URL.
 */
async function stockReader(remote: string, url: string): Promise<AnnexRepo> {
  const reader = await cloneAnnexRepo(source, `reader${++counter}`, { env: workspace.stockEnv })
  await reader.setConfig(`remote.${remote}.ora-url`, url)
  await reader.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
  await reader.enableRemote(remote)
  return reader
}

async function expectWhole(repo: AnnexRepo, names = Object.keys(files)): Promise<void> {
  for (const file of names) {
    expect((await repo.read(file)).equals(Buffer.from(files[file] ?? '')), file).toBe(true)
  }
}

/**
 * As DataLad 1.x exports an archive. It does not find keys whose names are escaped in file names:
 * it makes empty directories for them. Those are added as people do it who pack a repository's
 * annex/objects by hand, which is where git-annex has them.
 */
async function exportArchive(archive: string): Promise<void> {
  await source.datalad('export-archive-ora', '--missing-content', 'continue', archive)
  const objects = join(source.path, '.git/annex/objects')
  const places = []
  for (const { key } of oddKeys) {
    const format = `${field('hashdirmixed')}`
    const name = escapeKey(key)
    places.push(`${(await source.annex('examinekey', key, '--format', format)).stdout.trim()}${name}/${name}`)
  }
  await runOk('7z', ['u', '-mx0', '-spd', archive, ...places], { cwd: objects })
}

describe("DataLad's own ORA reads what riastore archive made", () => {
  const layouts = [
    ['file', '1'],
    ['file', '2'],
  ] as const
  // Layout 2 is that of the test below.
  test.each(variants([layouts[0]], layouts))('by ria+%s, layout version %s', async (scheme, version) => {
    const { dataset, remote } = await stored(version)
    await riastore.ok(['archive', store.root, dataset.id])
    expect(await dataset.keys()).toEqual([])
    const url = scheme === 'file' ? `ria+file://${store.root}` : `ria+ssh://${sshd.alias}${store.root}`
    const reader = await stockReader(remote, url)
    await reader.annex('fsck', '--fast', '--from', remote, '.')
    await reader.annex('get', '--from', remote, '.')
    await expectWhole(reader)
  })
})

test('datalad clone and datalad get -J8 with an unchanged DataLad find the keys in the archive', async () => {
  const ria = openRiaStore(workspace.path('published'))
  const url = `ria+file://${ria.root}`
  await source.datalad('create-sibling-ria', '-s', 'published', '--new-store-ok', '--alias', 'raw', url)
  await source.datalad('push', '--to', 'published', '--data', 'anything')
  const dataset = ria.dataset(await datasetId(source))
  const count = Object.keys(files).length
  expect(await dataset.keys()).toHaveLength(count)
  expect(await riastore.ok(['archive', '--level', '5', ria.root, '~raw'])).toContain(`packed ${count} keys`)
  expect(await dataset.keys()).toEqual([])
  const bySsh = ['by-ssh', `ria+ssh://${sshd.alias}${ria.root}#~raw`] as const
  // On a disk: the test of layout 1 above.
  for (const [name, from] of variants([bySsh], [['by-file', `${url}#${dataset.id}`] as const, bySsh])) {
    const clone = await dataladClone(workspace, from, name, { env: workspace.stockEnv })
    await clone.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
    await clone.datalad('get', '-J8', '.')
    await expectWhole(clone)
  }
})

describe('an archive by datalad export-archive-ora', () => {
  test.each(variants(['2'], ['1', '2'] as const))(
    'is listed, verified, added to and unpacked, layout version %s',
    async (version) => {
      const { dataset, remote } = await stored(version)
      const keys = await dataset.keys()
      await runOk('rm', ['-rf', join(dataset.path, 'annex/objects')])
      await mkdir(join(dataset.path, 'annex/objects'))
      const archive = join(dataset.path, 'archives/archive.7z')
      await exportArchive(archive)
      const size = (await stat(archive)).size
      const [name, id] = [store.root, dataset.id]

      const listed = await riastore.json(['archive', '--list', name, id])
      expect(listed.map(({ key }) => escapeKey(String(key))).sort()).toEqual(keys)
      expect(await riastore.ok(['archive', '--verify', name, id])).toMatch(
        new RegExp(`${id}: ${keys.length} members, .*: all good`),
      )
      expect(await riastore.ok(['archive', name, id])).toContain('nothing to pack')
      expect((await stat(archive)).size).toBe(size)

      // More is stored, one key of the archive among it: the archive's copy is found good, and the
      // loose one goes.
      const later = `later ${version}.bin`
      const content = randomBytes(4_321)
      await source.write(later, content)
      files[later] = content
      await source.datalad('save', '-m', later)
      await source.annex('copy', '--to', remote, later)
      const [again] = oddKeys
      const file = await dataset.keyFile(source, again?.key ?? '', version)
      await mkdir(join(file, '..'), { recursive: true })
      await writeFile(file, again?.content ?? '')
      const [report] = await riastore.json(['archive', name, id])
      expect(report).toMatchObject({ packed: { keys: 1 }, purged: 0, problems: [], left: {} })
      expect(await dataset.keys()).toEqual([])
      expect(await riastore.json(['archive', '--list', name, id])).toHaveLength(keys.length + 1)

      expect(await riastore.json(['unarchive', name, id])).toMatchObject([{ unpacked: { keys: keys.length + 1 } }])
      expect(await archivesOf(dataset)).toEqual([])
      expect(await dataset.keys()).toHaveLength(keys.length + 1)
      // Where ORA looks for them.
      const reader = await stockReader(remote, `ria+file://${store.root}`)
      await reader.annex('get', '--from', remote, '.')
      await expectWhole(reader)
    },
  )
})
