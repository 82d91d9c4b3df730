import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import { removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { removeKeys } from '../../../src/admin/trash/remove-keys.ts'
import { type ArchiveId, archiveId } from '../../../src/archive/index/archive-id.ts'
import { ourselves } from '../../../src/core/process/owner.ts'
import { Places } from '../../../src/mount/cache/places.ts'
import { archivePath } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { commitFiles } from '../../support/repos/memory-repository.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { listed, paths, temporaryDirectory, write } from '../../support/stores/stores.ts'

const OBJECTS = `${DIRECTORY}/annex/objects/W8/p2`
const STONE = `trash/${ID}/removed`

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let dataset: StoredDataset
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: directory.path })
  dataset = new StoredDataset(store, DIRECTORY, ID)
  await write(store, 'ria-layout-version', '1\n')
  await make()
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

async function make(): Promise<void> {
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  for (const key of ['MD5-s1--a', 'MD5-s1--b']) await write(store, `${OBJECTS}/${key}/${key}`, 'a')
}

test('rm --now also deletes what was taken out of the dataset before, and an older dataset of its id', async () => {
  await removeDataset(dataset, { aliases: [], keepMs: 1e9 })
  await make()
  const [key] = await listed(store.list(OBJECTS))
  await removeKeys(dataset, key === undefined ? [] : [key], { keepMs: 1e9, mayGo: async () => true })
  const ran = await riastore(['rm', '--now', '--yes', '--json', directory.path, ID])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  expect(objectsOf(ran, 'dataset')).toMatchObject([{ now: true, left: 0, keys: { loose: 1 } }])
  expect(await paths(store, DIRECTORY)).toEqual([])
  expect(await paths(store, 'trash')).toEqual([STONE])
})

test.each(['a dataset', 'what is in the trash'])(
  'rm --now of %s does not say that nothing is left where the trash has files that nobody can name',
  async (what) => {
    if (what !== 'a dataset') await removeDataset(dataset, { aliases: [], keepMs: 1e9 })
    const lost = `trash/${ID}/20200101T000000000Z-00000000/dataset/annex/objects/W8/p2/MD5-s1--c/MD5-s1--c`
    await write(store, lost, 'c')
    const ran = await riastore(['rm', '--now', '--yes', directory.path, ID])
    expect([ran.code, ran.stdout]).toEqual([1, expect.not.stringContaining('none is left')])
    expect(ran.stderr).toContain(`1 files are left in the trash`)
    expect(await paths(store, 'trash')).toContain(lost)
  },
)

test('rm --now names each dataset of the store that has commits of what goes, and those of which nobody can tell', async () => {
  const [fork, stranger, broken] = ['fff/ork', 'aaa/other', 'bbb/broken']
  for (const each of [fork, stranger, broken]) await write(store, `${each}/ria-layout-version`, '2\n')
  const ours = await commitFiles(store, DIRECTORY, { file: 'ours' })
  expect(await commitFiles(store, fork, { file: 'ours' })).toBe(ours)
  await commitFiles(store, fork, { file: 'of the fork' }, { branch: 'later' })
  await commitFiles(store, stranger, { file: 'theirs' })
  const at = `${broken}/objects/${ours.slice(0, 2)}/${ours.slice(2)}`
  await write(store, at, 'no object of git')
  const ran = await riastore(['rm', '--now', '--yes', '--json', directory.path, ID])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  expect(objectsOf(ran, 'dataset')).toMatchObject([
    { sharedHistory: ['fffork'], unknownHistory: ['bbbbroken'], left: 0 },
  ])
})

test('rm --now removes what this machine kept of a dataset, and tells what is in use', async () => {
  const cache = `${directory.path}-cache`
  vi.stubEnv('XDG_CACHE_HOME', cache)
  try {
    expect((await riastore(['stat', directory.path])).code).toBe(0)
    const top = join(cache, 'riastore')
    const seenGood = await SeenGood.load(join(top, 'checked'), dataset)
    seenGood.add('MD5-s1--a', Date.now())
    await seenGood.save()
    const index = ({ location, digest }: ArchiveId) => `${location}-${digest}.index`
    const indexOf = (path: string) => index(archiveId(store.traits.root, path, '1', Buffer.from('x')))
    const places = new Places(join(top, 'mount'))
    const foreign = join(top, 'archives', indexOf('fff/ork/archives/archive.7z'))
    const words = (await readFile(`/proc/${process.ppid}/stat`, 'latin1')).split(') ').at(-1)?.split(' ')
    const other = { ...ourselves(), pid: process.ppid, processStart: words?.[19] } // proc(5)
    const inUse = new Places(join(top, 'mount'), other)
    await mkdir(join(top, 'archives'), { recursive: true })
    await mkdir(places.directory, { recursive: true })
    const filling = inUse.part('b')
    const kept = [indexOf(`${DIRECTORY}/archives/archive.7z`), join('archives', indexOf(archivePath(DIRECTORY)))]
    for (const file of [...kept.map((name) => join(top, name)), foreign, places.whole('a'), filling])
      await writeFile(file, 'content')
    const ran = await riastore(['rm', '--now', '--yes', '--json', directory.path, ID])
    const files = await readdir(top, { recursive: true, withFileTypes: true })
    const left = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
    expect(left.sort()).toEqual([foreign, filling].sort())
    expect(objectsOf(ran, 'dataset')).toMatchObject([{ left: 0, caches: { files: 5, left: 1 } }])
    expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining('1 file in the caches of this machine')])
  } finally {
    vi.unstubAllEnvs()
    await rm(cache, { recursive: true, force: true })
  }
})
