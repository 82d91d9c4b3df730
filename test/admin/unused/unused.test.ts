import { utimes } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listEntries } from '../../../src/admin/trash/entry.ts'
import { removeKeys, restoreKeys } from '../../../src/admin/trash/remove-keys.ts'
import { findUnused, stillUnused, type UnusedKey } from '../../../src/admin/unused/find-unused.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { annexLink, annexPointer, commitFiles } from '../../support/repos/memory-repository.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { listed, paths, read, temporaryDirectory, write } from '../../support/stores/stores.ts'

const DAY_MS = 24 * 3_600_000
const key = (name: string, fields = '-s3') => `MD5E${fields}--${name}.dat`

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let dataset: StoredDataset
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: directory.path })
  dataset = new StoredDataset(store, DIRECTORY, ID)
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, `${DIRECTORY}/config`, '[core]\n\tbare = true\n')
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

const pathOf = (name: string) => `${DIRECTORY}/annex/objects/${placesOf(name, '2')[0]}`

async function addKey(name: string, days: number): Promise<void> {
  await write(store, pathOf(name), 'abc')
  const then = new Date(Date.now() - days * DAY_MS)
  await utimes(`${directory.path}/${pathOf(name)}`, then, then)
}

const commit = (branch: string, files: Parameters<typeof commitFiles>[2], committedMs = Date.now()) =>
  commitFiles(store, DIRECTORY, files, { branch, committedMs: Math.floor(committedMs / 1000) * 1000 })

async function find(): Promise<string[]> {
  const found: UnusedKey[] = []
  await findUnused(dataset, (unused) => found.push(unused), { graceMs: 14 * DAY_MS })
  return found.map((unused) => unused.key).sort()
}

test('a key is unused when no branch, tag or adjusted branch names it, in a link or a pointer, whole or in chunks', async () => {
  const used = ['main', 'pointer', 'tagged', 'adjusted', 'chunked'].map((name) => key(name))
  for (const name of [...used.slice(0, 4), key('gone'), key('chunked', '-s3-S1-C1'), key('lost', '-s3-S1-C1')]) {
    await addKey(name, 40)
  }
  for (const name of ['GITBUNDLE-s3--x', 'GITMANIFEST--x', 'GPGHMACSHA1--0123']) await addKey(name, 40)
  const [main, pointer, tagged, adjusted, chunked] = used
  await commit('main', { a: annexLink(main ?? ''), 'deep/b': annexPointer(pointer ?? ''), c: annexLink(chunked ?? '') })
  await commit('adjusted/main(unlocked)', { a: annexPointer(adjusted ?? '') })
  await write(store, `${DIRECTORY}/refs/tags/v1`, `${await commit('other', { a: annexLink(tagged ?? '') })}\n`)
  await store.remove(`${DIRECTORY}/refs/heads/other`)
  expect(await find()).toEqual([key('lost', '-s3-S1-C1'), key('gone')].sort())
})

test('a file and a link of the same content are not taken for each other', async () => {
  await addKey(key('linked'), 40)
  const { link } = annexLink(key('linked')) as { link: string }
  await commit('main', { 'a-file': link, 'b-link': { link } })
  expect(await find()).toEqual([])
})

test('a key is used where the repository of a link has another name than .git, as vcsh gives it', async () => {
  for (const name of ['vcsh', 'text']) await addKey(key(name), 40)
  const link = `.config/vcsh/repo.d/foo.git/annex/objects/aa/bb/${key('vcsh')}/${key('vcsh')}`
  await commit('main', { a: { link }, b: `../.git/annex/objects/aa/bb/${key('text')}/${key('text')}\n` })
  expect(await find()).toEqual([])
})

test('a key stays that came lately, or after the newest commit: its push may follow', async () => {
  await addKey(key('new'), 2)
  await addKey(key('after'), 40)
  await commit('main', { a: 'text' }, Date.now() - 50 * DAY_MS)
  expect(await find()).toEqual([])
  await commit('other', { a: 'more' })
  expect(await find()).toEqual([key('after')])
})

test('where a ref cannot be read, or there is no branch at all, nothing is unused', async () => {
  await addKey(key('kept'), 40)
  await expect(find()).rejects.toThrow(/no git repository|no branch/)
  await commit('git-annex', { 'uuid.log': 'x' })
  await expect(find()).rejects.toThrow('no branch in this store')
  await commit('main', { a: 'text' })
  await write(store, `${DIRECTORY}/refs/heads/broken`, `${'1'.repeat(40)}\n`)
  await expect(find()).rejects.toThrow('is not in the repository')
})

test('unused keys go into the trash, unless somebody pushed since, and come back from there', async () => {
  await addKey(key('gone'), 40)
  await commit('main', { a: 'text' })
  const found: UnusedKey[] = []
  const { used } = await findUnused(dataset, (unused) => found.push(unused), { graceMs: 14 * DAY_MS })
  const loose = found.flatMap((unused) => (unused.loose === undefined ? [] : [unused.loose]))
  const drop = () => removeKeys(dataset, loose, { keepMs: DAY_MS, mayGo: stillUnused(dataset, used, {}) })
  await commit('other', { a: annexLink(key('gone')) })
  await expect(drop()).rejects.toThrow('others pushed meanwhile')
  expect(await store.stat(pathOf(key('gone')))).toBeDefined()
  expect(await listEntries(store, {}, ID)).toEqual([])
  await store.remove(`${DIRECTORY}/refs/heads/other`)
  expect(await drop()).toHaveLength(1)
  expect(await paths(store, `${DIRECTORY}/annex`)).toEqual([])
  const [last] = (await listEntries(store, {}, ID)).filter(({ entry }) => entry?.keys === 1).slice(-1)
  if (last?.entry !== undefined) await restoreKeys(store, dataset, last.entry, {})
  expect(await paths(store, `${DIRECTORY}/annex`)).toEqual([pathOf(key('gone'))])
})

test('a key that was stored again is not replaced by the one in the trash, which stays there', async () => {
  for (const name of ['again', 'gone']) await addKey(key(name), 40)
  const [again, gone] = [pathOf(key('again')), pathOf(key('gone'))]
  const loose = (await listed(store.list(`${DIRECTORY}/annex`))).filter(({ path }) => [again, gone].includes(path))
  expect(await removeKeys(dataset, loose, { keepMs: DAY_MS, mayGo: async () => true })).toHaveLength(2)
  await write(store, again, 'new')
  const entry = (await listEntries(store, {}, ID)).find((each) => each.entry !== undefined)?.entry
  if (entry === undefined) throw new Error('they are in the trash')
  await restoreKeys(store, dataset, entry, {})
  expect((await read(store, again)).toString()).toBe('new')
  expect((await read(store, gone)).toString()).toBe('abc')
  expect((await paths(store, entry.path)).map((path) => path.split('/').at(-1))).toEqual([key('again'), 'entry.json'])
})

test('the command names unused keys, asks before it drops them, and drops none with a dry run', async () => {
  await addKey(key('gone'), 40)
  await commit('main', { a: 'text' })
  const root = directory.path
  const named = await riastore(['unused', '--json', root])
  expect([named.code, objectsOf(named, 'key')]).toEqual([
    0,
    [expect.objectContaining({ dataset: ID, key: key('gone'), size: 3, archived: false })],
  ])
  expect(await riastore(['unused', '--drop', root])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--yes'),
  })
  const dry = await riastore(['unused', '--drop', '-n', root])
  expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('1 of 1 key unused, 3 B, would drop 1')])
  expect(await store.stat(pathOf(key('gone')))).toBeDefined()
  const dropped = await riastore(['unused', '--drop', '--yes', root])
  expect([dropped.code, dropped.stdout]).toEqual([0, expect.stringContaining('dropped 1')])
  expect(await store.stat(pathOf(key('gone')))).toBeUndefined()
})
