import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deleteEntry } from '../../../src/admin/trash/empty-trash.ts'
import { lastEntry, listEntries } from '../../../src/admin/trash/entry.ts'
import { removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { isStoreError } from '../../../src/core/errors.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { readSmall } from '../../../src/store/read-small.ts'
import type { Store } from '../../../src/store/store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { stoppingAt } from '../../support/stores/stopping-store.ts'
import { temporaryDirectory, withMethods, write } from '../../support/stores/stores.ts'

/** What a dataset has, by the names of its files. */
const FILES: Readonly<Record<string, string>> = {
  'ria-layout-version': '2\n',
  description: 'a dataset',
  'refs/heads/main': 'a commit\n',
  'annex/objects/W8/p2/MD5-s1--a/MD5-s1--a': 'a',
  'archives/archive.7z': 'an archive',
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
beforeEach(async () => {
  directory = await temporaryDirectory()
  // As over SFTP: nothing is renamed but files.
  const local = openLocalStore({ root: directory.path })
  store = Object.defineProperty(withMethods(local, {}), 'traits', {
    value: { ...local.traits, exec: false, movesDirectories: false },
  }) as Store
  await write(store, 'ria-layout-version', '1\n')
  for (const [name, text] of Object.entries(FILES)) await write(store, `${DIRECTORY}/${name}`, text)
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

/** All files in a directory that are no lock. */
async function filesIn(place: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { path } of store.list(place)) {
    const name = path.slice(place.length + 1)
    if (!/^archives\/(lock|holder-)/.test(name)) found[name] = (await readSmall(store, path, 1000)).toString()
  }
  return found
}

async function restoreLast(): Promise<boolean> {
  const entry = await lastEntry(store, ID, {})
  if (entry === undefined) return false
  try {
    await restoreDataset(store, entry, { breakLock: true })
    return true
  } catch (error) {
    if (!isStoreError(error, 'missing', 'conflict', 'corrupt')) throw error
    return false
  }
}

const remove = (through: Store, keepMs: number) =>
  removeDataset(new StoredDataset(through, DIRECTORY), { aliases: [], keepMs })

/**
 * Does `work` with a store that stops at each of its calls in turn. Returns how often it stopped.
 */
async function stopEverywhere(
  work: (through: Store) => Promise<unknown>,
  meanwhile: () => Promise<void>,
  afterwards: (at: string) => Promise<void>,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    const stopping = stoppingAt(store, nth, meanwhile)
    // It may find out that somebody else has taken over.
    await work(stopping).catch((error: unknown) => {
      if (!isStoreError(error, 'conflict', 'missing', 'corrupt', 'aborted')) throw error
    })
    await afterwards(stopping.at)
    if (!stopping.wasStopped) return nth - 1
  }
}

describe('a run that sleeps while somebody breaks its lock and restores the dataset', () => {
  test('loses nothing of it, when it was removing it', async () => {
    const stops = await stopEverywhere(
      (through) => remove(through, 1e9),
      async () => void (await restoreLast()),
      async (at) => {
        const entries = await listEntries(store, {}, ID)
        const all = await filesIn(DIRECTORY)
        for (const { path } of entries) Object.assign(all, await filesIn(`${path}/dataset`))
        expect(all, at).toEqual(FILES)
        await restoreLast()
        expect(await filesIn(DIRECTORY), at).toEqual(FILES)
      },
    )
    expect(stops).toBeGreaterThan(20)
  })

  test('deletes nothing of what was restored, when it was deleting it', async () => {
    let isRestored = false
    let restored = 0
    await remove(store, 0)
    const stops = await stopEverywhere(
      async (through) => {
        const [last] = await listEntries(store, {}, ID)
        if (last !== undefined) await deleteEntry(through, last.path, { isDue: () => true })
      },
      async () => {
        isRestored = await restoreLast()
      },
      async (at) => {
        if (isRestored) {
          restored += 1
          expect(await filesIn(DIRECTORY), at).toEqual(FILES)
        } else {
          expect(await filesIn(DIRECTORY), at).toEqual({})
          for (const [name, text] of Object.entries(FILES)) await write(store, `${DIRECTORY}/${name}`, text)
        }
        isRestored = false
        for (const { path } of await listEntries(store, {}, ID)) await deleteEntry(store, path, { isDue: () => true })
        await remove(store, 0)
      },
    )
    expect(stops).toBeGreaterThan(10)
    expect(restored).toBeGreaterThan(3)
  })
})
