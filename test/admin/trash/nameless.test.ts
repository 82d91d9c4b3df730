import { afterEach, beforeEach, expect, test } from 'vitest'
import { deleteEntry, emptyTrash } from '../../../src/admin/trash/empty-trash.ts'
import { lastEntry } from '../../../src/admin/trash/entry.ts'
import { removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { paths, temporaryDirectory, withMethods, write } from '../../support/stores/stores.ts'

const OLD = `trash/${ID}/20200101T000000000Z-01234567`

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: directory.path })
  await write(store, 'ria-layout-version', '1\n')
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

const contentIn = async (place: string) => (await paths(store, place)).filter((path) => !path.includes('/archives/'))

test('a dataset in the trash whose entry.json was lost stays there, however old it is, and can be restored', async () => {
  for (const name of ['ria-layout-version', 'annex/objects/key']) await write(store, `${OLD}/dataset/${name}`, '2\n')
  for (const dryRun of [true, false]) {
    expect(await emptyTrash(store, { dryRun })).toMatchObject({ entries: 0, kept: 1 })
  }
  expect(await contentIn(OLD)).toHaveLength(2)
  const entry = await lastEntry(store, ID, {})
  expect(entry).toMatchObject({ directory: DIRECTORY, removedMs: Date.UTC(2020, 0, 1), untilMs: undefined })
  if (entry !== undefined) await restoreDataset(store, entry, {})
  expect(await contentIn(DIRECTORY)).toEqual([`${DIRECTORY}/annex/objects/key`, `${DIRECTORY}/ria-layout-version`])
})

test('what lies in the trash without an entry.json, and is no dataset, stays as it is', async () => {
  await write(store, `${OLD}/dataset/annex/objects/key`, 'x')
  expect(await emptyTrash(store, {})).toMatchObject({ entries: 0, kept: 1 })
  expect(await contentIn(OLD)).toEqual([`${OLD}/dataset/annex/objects/key`])
})

test('a deletion that was broken off at any file is gone on with', async () => {
  for (let left = 1; ; left++) {
    for (const name of ['ria-layout-version', 'a', 'b']) await write(store, `${DIRECTORY}/${name}`, '2\n')
    const { path } = await removeDataset(new StoredDataset(store, DIRECTORY), { aliases: [], keepMs: 0 })
    const breaking = new AbortController()
    let calls = 0
    const isDue = () => true
    const counting: Store = {
      ...withMethods(store, {}),
      async move(from, to, options) {
        if (!from.endsWith('/lock')) calls += 1
        if (calls === left) breaking.abort()
        if (!from.endsWith('/lock')) breaking.signal.throwIfAborted()
        return store.move(from, to, options)
      },
    }
    const isBroken = await deleteEntry(counting, path, { isDue, signal: breaking.signal }).then(
      () => false,
      () => true,
    )
    expect(await emptyTrash(store, {})).toMatchObject({ kept: 0 })
    expect(await contentIn(`trash/${ID}`)).toEqual([`trash/${ID}/removed`])
    if (!isBroken) break
  }
})

test('an entry with nothing in it goes when it is old, and not while its removal may just begin', async () => {
  const young = `trash/${ID}/${new Date().toISOString().replace(/[-:.]/g, '')}-01234567`
  for (const path of [OLD, young]) await write(store, `${path}/archives/x`, '')
  await emptyTrash(store, {})
  expect(await store.stat(`${young}/archives/x`)).toBeDefined()
  expect(await store.stat(`${OLD}/archives/x`)).toBeUndefined()
})
