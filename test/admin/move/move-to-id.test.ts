import { expect, test } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import { moveToSaidId, placeOfSaidId } from '../../../src/admin/move/move-to-id.ts'
import { lastEntry } from '../../../src/admin/trash/entry.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { StoreError } from '../../../src/core/errors.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, KEY, memoryStore, PLACE, paths, put, read } from '../../support/stores/memory-dataset.ts'
import { stoppingAt } from '../../support/stores/stopping-store.ts'

const SAID = '99999999-8888-7777-6666-555555555555'
const THERE = '999/99999-8888-7777-6666-555555555555'

async function storeWithOther(): Promise<Store> {
  const store = await memoryStore()
  await commitFiles(store, DIRECTORY, {
    'x.dat': annexLink(KEY),
    '.datalad/config': `[datalad "dataset"]\n\tid = ${SAID}\n`,
  })
  await put(store, PLACE, CONTENT)
  return store
}

const at = (store: Store, directory = DIRECTORY) => new StoredDataset(store, directory, directory.replace('/', ''))

async function problemsOf(store: Store, directory: string): Promise<string[]> {
  const found: string[] = []
  await checkDataset(at(store, directory), ({ code }) => found.push(code))
  return found
}

const OPTIONS = { aliases: [] }

test('a dataset is moved to where the id belongs that it says of itself, and nothing is left', async () => {
  const store = await storeWithOther()
  expect(await problemsOf(store, DIRECTORY)).toEqual(['dataset-id'])
  expect(await moveToSaidId(at(store), OPTIONS)).toMatchObject({ directory: THERE, problems: [], updated: false })
  expect(await problemsOf(store, THERE)).toEqual([])
  expect(await read(store, PLACE.replace(DIRECTORY, THERE))).toEqual(CONTENT)
  const left = (await paths(store)).filter((path) => path.startsWith(DIRECTORY) || path.startsWith('trash/'))
  expect(left).toEqual([])
})

test('a dataset stays where something lies under the id that it says, or is in the trash', async () => {
  for (const other of [`${THERE}/HEAD`, `trash/${SAID}/20260101T000000Z-00000000/dataset/ria-layout-version`]) {
    const store = await storeWithOther()
    await put(store, other, '1\n')
    const before = await paths(store)
    await expect(moveToSaidId(at(store), OPTIONS)).rejects.toMatchObject({ kind: 'denied' })
    await expect(placeOfSaidId(at(store), {})).rejects.toMatchObject({ kind: 'denied' })
    expect(await paths(store)).toEqual(before)
  }
})
test('a move to the id that a dataset says, which is broken off at any step, is gone on with, and loses nothing', async () => {
  for (let nth = 1; ; nth++) {
    const store = await storeWithOther()
    const whole = (await paths(store)).filter((path) => path.startsWith(`${DIRECTORY}/`)).length
    const dies = () => Promise.reject(new StoreError({ kind: 'aborted', op: 'x', where: 'x', message: 'x' }))
    const stopping = stoppingAt(store, nth, dies)
    await moveToSaidId(at(stopping), OPTIONS).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error
    })
    const again = { breakLock: true }
    const isHere = (await store.stat(`${DIRECTORY}/ria-layout-version`)) !== undefined
    if (isHere) await moveToSaidId(at(store), { ...OPTIONS, ...again })
    const entry = await lastEntry(store, DIRECTORY.replace('/', ''), {})
    if (entry !== undefined) await restoreDataset(store, entry, again)
    const now = (await store.stat(`${THERE}/ria-layout-version`)) === undefined ? DIRECTORY : THERE
    const files = (await paths(store)).filter((path) => path.startsWith(`${now}/`) && !/\/archives\/|\.tmp$/.test(path))
    expect(files.length, stopping.at).toBe(whole)
    expect(await read(store, PLACE.replace(DIRECTORY, now)), stopping.at).toEqual(CONTENT)
    if (!stopping.wasStopped) return expect(nth).toBeGreaterThan(10)
  }
})
