import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { unarchive } from '../../../../src/admin/compaction/unarchive.ts'
import { isStoreError } from '../../../../src/core/errors.ts'
import type { Time } from '../../../../src/core/moment.ts'
import { objectsDirectory, placesOf } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../../src/store/store.ts'
import { copyingStore } from '../../../support/stores/copying-store.ts'
import { contents, keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, dataset, memoryStore, paths, put, read } from '../../../support/stores/memory-dataset.ts'
import { hurriedTime, stoppingAt } from '../../../support/stores/stopping-store.ts'

let temporaryDirectory: string
beforeAll(async () => {
  temporaryDirectory = await mkdtemp(join(tmpdir(), 'riastore-stopped-'))
  // Archives are told apart by whole seconds: so each part of a test has seconds of its own.
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => vi.setSystemTime(Date.now() + 10_000))
afterAll(async () => {
  vi.useRealTimers()
  await rm(temporaryDirectory, { recursive: true, force: true })
})

interface Run {
  readonly store: Store
  readonly time: Time
  readonly breakLock?: boolean
}

const pack = ({ store, ...options }: Run) =>
  compact(new StoredDataset(store, DIRECTORY), { ...options, temporaryDirectory })
const unpack = ({ store, ...options }: Run) => unarchive(new StoredDataset(store, DIRECTORY), options)
const later = () => vi.setSystemTime(Date.now() + 2_000)

const CONTENTS = new Map(contents(3, 50).map((content) => [keyOf(content), content]))
const [EXTRA = ''] = [...CONTENTS.keys()].slice(-1)

async function addLoose(store: Store, keys: Iterable<string>): Promise<void> {
  for (const key of keys) {
    await put(store, `${objectsDirectory(DIRECTORY)}/${placesOf(key, '2')[0]}`, CONTENTS.get(key) ?? '')
  }
}

/** All keys are found, and are what they were; and the next run comes to its end by itself. */
async function expectNothingLost(store: Store, time: Time, at: string): Promise<void> {
  const finder = dataset(store)
  for (const key of CONTENTS.keys()) expect(await finder.checkPresent(key), `${key} after ${at}`).toBe(true)
  await finder.close()
  later()
  await unpack({ store, time })
  for (const [key, content] of CONTENTS) {
    const path = `${objectsDirectory(DIRECTORY)}/${placesOf(key, '2')[0]}`
    expect((await read(store, path)).equals(content), `${key} after ${at}`).toBe(true)
  }
  expect((await paths(store)).filter((path) => path.includes('/archives/'))).toEqual([])
}

/**
 * What was going on, what somebody else did meanwhile with the lock broken, and whether all was in
 * the archive before.
 */
const SCENES = [
  ['a packing run', 'unpacks', false, pack, [unpack]],
  ['a packing run', 'packs, and has a key more', false, pack, [pack]],
  ['an unpacking run', 'unpacks, and packs again', true, unpack, [unpack, pack]],
] as const

describe.each([
  ['in a store that renames', memoryStore],
  ['in a store that copies and removes', copyingStore],
])('%s', (_store, makeStore) => {
  test.each(SCENES)(
    '%s that is stopped at any step while somebody else %s loses nothing when it wakes up',
    async (_who, _does, isArchived, first, others) => {
      let lost = 0
      for (let nth = 1; ; nth++) {
        const store = await makeStore()
        const time = hurriedTime()
        const keys = [...CONTENTS.keys()].filter((key) => key !== EXTRA)
        await addLoose(store, keys)
        if (isArchived) await pack({ store, time })
        later()
        const stopping = stoppingAt(store, nth, async () => {
          await addLoose(store, [EXTRA])
          for (const other of others) {
            later()
            await other({ store, time, breakLock: true })
          }
          await time.sleep(60_000) // a laptop that was closed
          later()
        })
        const error = await first({ store: stopping, time }).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (!stopping.wasStopped) {
          expect(error).toBeUndefined()
          break
        }
        if (error !== undefined && !isStoreError(error, 'conflict', 'missing')) throw error
        if (isStoreError(error, 'conflict')) lost += 1
        await expectNothingLost(store, time, stopping.at)
      }
      expect(lost).toBeGreaterThan(3)
    },
  )
})
