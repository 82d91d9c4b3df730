import { utimes } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { emptyTrash } from '../../../src/admin/trash/empty-trash.ts'
import { lastEntry } from '../../../src/admin/trash/entry.ts'
import { goOnRemoving } from '../../../src/admin/trash/go-on.ts'
import { finishRemoval, removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { aliasFile } from '../../../src/ria/layout/alias-file.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { paths, temporaryDirectory, write } from '../../support/stores/stores.ts'

const KEY = `${DIRECTORY}/annex/objects/W8/p2/MD5-s1--a/MD5-s1--a`
const MARKER = `${DIRECTORY}/riastore/copying/0123456789abcdef`

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let dataset: StoredDataset
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: directory.path })
  dataset = new StoredDataset(store, DIRECTORY, ID)
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, KEY, 'a')
  await removeDataset(dataset, { aliases: [], keepMs: 1e9 })
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

test('a dataset that is copied again to the place of a removed one is not taken for what is left of that', async () => {
  await write(store, MARKER, 'riastore copy\n')
  await write(store, KEY, 'a')
  expect(await emptyTrash(store)).toMatchObject({ finished: 0, kept: 1 })
  expect(await goOnRemoving(dataset, { now: true })).toMatchObject({ finished: 0, entries: 1 })
  expect(await paths(store, DIRECTORY)).toEqual([KEY, MARKER])
})

test('one that is made anew in the place of a removed one is not moved into the trash, nor mixed with that', async () => {
  const config = `${DIRECTORY}/config`
  await write(store, config, '[core]\n\tbare = true\n')
  const later = new Date(Date.now() + 60_000)
  await utimes(`${directory.path}/${config}`, later, later)
  expect(await emptyTrash(store)).toMatchObject({ finished: 0, kept: 1 })
  const entry = await lastEntry(store, ID, {})
  if (entry === undefined) throw new Error('it is in the trash')
  await expect(restoreDataset(store, entry, {})).rejects.toMatchObject({ kind: 'conflict' })
  expect(await paths(store, DIRECTORY)).toEqual([config])
})

test('what is brought back does not mix with a copy that is being made in its place', async () => {
  await write(store, MARKER, 'riastore copy\n')
  await write(store, KEY, 'b')
  const entry = await lastEntry(store, ID, {})
  if (entry === undefined) throw new Error('it is in the trash')
  await expect(restoreDataset(store, entry, {})).rejects.toMatchObject({ kind: 'conflict' })
  expect(await paths(store, DIRECTORY)).toEqual([KEY, MARKER])
})

test('what a copy had left in a dataset before that was removed hinders nobody', async () => {
  await write(store, MARKER, 'riastore copy\n')
  const before = new Date(Date.now() - 60_000)
  await utimes(`${directory.path}/${MARKER}`, before, before)
  expect(await emptyTrash(store)).toMatchObject({ finished: 1 })
  expect(await paths(store, DIRECTORY)).toEqual([])
})

test('a name that another dataset got since is not taken from it when a removal is finished', async () => {
  const names = ['mine', 'taken', 'gone']
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  const entry = await removeDataset(dataset, { aliases: [], keepMs: 1e9 })
  await write(store, 'abc/def/ria-layout-version', '2\n')
  await write(store, aliasFile('mine'), `${DIRECTORY}\n`)
  await write(store, aliasFile('taken'), 'abc/def\n')
  await write(store, KEY, 'a')
  await finishRemoval(store, { ...entry, aliases: names }, {})
  expect(await paths(store, 'alias')).toEqual([aliasFile('taken')])
  expect(await paths(store, DIRECTORY)).toEqual([])
})
