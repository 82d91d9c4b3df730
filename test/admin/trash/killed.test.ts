import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deleteEntry, emptyTrash } from '../../../src/admin/trash/empty-trash.ts'
import { lastEntry, listEntries } from '../../../src/admin/trash/entry.ts'
import { goOnRemoving, isInTrash } from '../../../src/admin/trash/go-on.ts'
import { removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { removeKeys, restoreKeys } from '../../../src/admin/trash/remove-keys.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { readSmall } from '../../../src/store/read-small.ts'
import type { Store } from '../../../src/store/store.ts'
import { dyingAt } from '../../support/stores/dying-store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { listed, temporaryDirectory, withMethods, write } from '../../support/stores/stores.ts'

const FILES: Readonly<Record<string, string>> = {
  'ria-layout-version': '2\n',
  'refs/heads/main': 'a commit\n',
  'annex/objects/W8/p2/MD5-s1--a/MD5-s1--a': 'a',
  'archives/archive.7z': 'an archive',
}

const dataset = (store: Store) => new StoredDataset(store, DIRECTORY, ID)
const remove = (store: Store) => removeDataset(dataset(store), { aliases: [], keepMs: 1e9, breakLock: true })
const isDue = () => true

async function restore(store: Store): Promise<void> {
  const entry = await lastEntry(store, ID, {})
  if (entry !== undefined) await restoreDataset(store, entry, { breakLock: true })
}

async function deleteAll(store: Store): Promise<void> {
  for (const { path } of await listEntries(store, {}, ID)) await deleteEntry(store, path, { isDue, breakLock: true })
}

async function filesIn(store: Store, place: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { path } of store.list(place)) {
    const name = path.slice(place.length + 1)
    if (name in FILES) found[name] = (await readSmall(store, path, 1000)).toString()
  }
  return found
}

/** What is seen as a dataset is whole; and nothing is lost, nor in two places. */
async function expectWhole(store: Store, at: string): Promise<void> {
  const here = await filesIn(store, DIRECTORY)
  if ('ria-layout-version' in here) expect(here, at).toEqual(FILES)
  const all = { ...here }
  for (const { path } of await listEntries(store, {}, ID)) {
    const there = await filesIn(store, `${path}/dataset`)
    expect(
      Object.keys(there).filter((name) => name in all),
      at,
    ).toEqual([])
    Object.assign(all, there)
  }
  expect(all, at).toEqual(FILES)
}

describe.each([
  ['in a store that renames a dataset in one step', true],
  ['in a store that renames file by file', false],
])('%s', (_how, movesDirectories) => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let store: Store
  beforeEach(async () => {
    directory = await temporaryDirectory()
    const local = openLocalStore({ root: directory.path })
    const traits = { ...local.traits, exec: false, movesDirectories }
    store = Object.defineProperty(withMethods(local, {}), 'traits', { value: traits }) as Store
    await write(store, 'ria-layout-version', '1\n')
    for (const [name, text] of Object.entries(FILES)) await write(store, `${DIRECTORY}/${name}`, text)
  })
  afterEach(async () => {
    await store.close()
    await directory.remove()
  })

  /** Kills `work` before each of its steps in turn. Returns how often. */
  async function killEverywhere(
    work: (through: Store) => Promise<unknown>,
    afterwards: (at: string) => Promise<void>,
  ): Promise<number> {
    for (let nth = 1; ; nth++) {
      const dying = dyingAt(store, nth)
      const error = await work(dying).catch((caught: unknown) => caught)
      if (!dying.isDead) {
        expect(error).not.toBeInstanceOf(Error)
        return nth - 1
      }
      await afterwards(dying.at)
    }
  }

  test('a removal that is killed at any step leaves a dataset whole, and the same again finishes it', async () => {
    const kills = await killEverywhere(remove, async (at) => {
      await expectWhole(store, at)
      if (await isInTrash(dataset(store), {})) await goOnRemoving(dataset(store), { now: false, breakLock: true })
      else await remove(store)
      expect(await filesIn(store, DIRECTORY), at).toEqual({})
      await expectWhole(store, at)
      await restore(store)
      expect(await filesIn(store, DIRECTORY), at).toEqual(FILES)
    })
    expect(kills).toBeGreaterThan(5)
  })

  test('bringing back that is killed at any step leaves a dataset whole, and the same again finishes it', async () => {
    await remove(store)
    const kills = await killEverywhere(restore, async (at) => {
      await expectWhole(store, at)
      await restore(store)
      expect(await filesIn(store, DIRECTORY), at).toEqual(FILES)
      await remove(store)
    })
    expect(kills).toBeGreaterThan(4)
  })

  test('keys that go into the trash, killed at any step, lie in one place, and the same again finishes it', async () => {
    const key = 'annex/objects/W8/p2/MD5-s1--a/MD5-s1--a'
    const removeAll = async (through: Store) => {
      const entries = await listed(through.list(`${DIRECTORY}/annex/objects`))
      await removeKeys(dataset(through), entries, { keepMs: 1e9, mayGo: async () => true, breakLock: true })
    }
    const places = async () => {
      const entries = (await listEntries(store, {}, ID)).map(({ path }) => `${path}/dataset`)
      const found = await Promise.all(
        [DIRECTORY, ...entries].map(async (place) => key in (await filesIn(store, place))),
      )
      return found.filter(Boolean).length
    }
    const kills = await killEverywhere(removeAll, async (at) => {
      expect(await places(), at).toBe(1)
      await removeAll(store)
      expect([await places(), key in (await filesIn(store, DIRECTORY))], at).toEqual([1, false])
      for (const { entry } of await listEntries(store, {}, ID)) {
        if (entry !== undefined) await restoreKeys(store, dataset(store), entry, { breakLock: true })
      }
      expect(await filesIn(store, DIRECTORY), at).toEqual(FILES)
    })
    expect(kills).toBeGreaterThan(4)
  })

  // Of what goes in one step there are fewer ends, and all of them are among these.
  if (movesDirectories) return
  test('a deletion from the trash that is killed at any step is finished by the next one, and by gc', async () => {
    for (const [finish, words] of [
      [deleteAll, 'rm --now'],
      [(through: Store) => emptyTrash(through, { breakLock: true }), 'gc'],
    ] as const) {
      const kills = await killEverywhere(
        async (through) => {
          if ((await store.stat(`${DIRECTORY}/ria-layout-version`)) !== undefined) {
            await removeDataset(dataset(store), { aliases: [], keepMs: 0, breakLock: true })
          }
          await deleteAll(through)
        },
        async (at) => {
          await finish(store)
          for (const { path } of await listEntries(store, {}, ID)) {
            expect(await filesIn(store, `${path}/dataset`), `${words} after ${at}`).toEqual({})
          }
          // What is empty stays for a day: here it would only be more and more.
          await rm(`${directory.path}/trash`, { recursive: true })
          for (const [name, text] of Object.entries(FILES)) await write(store, `${DIRECTORY}/${name}`, text)
        },
      )
      expect(kills, words).toBeGreaterThan(5)
      for (const [name, text] of Object.entries(FILES)) await write(store, `${DIRECTORY}/${name}`, text)
    }
  })
})
