import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packNew } from '../../../src/admin/compaction/pack-new.ts'
import { takeLock } from '../../../src/admin/lock/lock.ts'
import { isStoreError, StoreError } from '../../../src/core/errors.ts'
import { REAL_TIME, type Time } from '../../../src/core/moment.ts'
import type { GivenKeys } from '../../../src/ria/keys/given-keys.ts'
import { archivePath } from '../../../src/ria/layout/paths.ts'
import { archivesDirectory, lockPath, tombstonePath } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { heapUsed } from '../../support/shared/heap-used.ts'
import { copyingStore } from '../../support/stores/copying-store.ts'
import { contents, keyOf } from '../../support/stores/dataset-on-disk.ts'
import { dyingAt } from '../../support/stores/dying-store.ts'
import { DIRECTORY, dataset, downloads, memoryStore, paths, put, read } from '../../support/stores/memory-dataset.ts'
import { hurriedTime, stoppingAt } from '../../support/stores/stopping-store.ts'
import { withMethods } from '../../support/stores/stores.ts'

let temporaryDirectory: string
beforeAll(async () => {
  temporaryDirectory = await mkdtemp(join(tmpdir(), 'riastore-packed-'))
})
afterAll(() => rm(temporaryDirectory, { recursive: true, force: true }))

const CONTENTS = [...contents(4, 50), Buffer.alloc(0), Buffer.alloc(300_000, 'large ')]
const KEYS = CONTENTS.map((content) => keyOf(content))
const ARCHIVE = archivePath(DIRECTORY)

/** Keys whose content is as it is given, good or not. */
function given(keys: readonly string[] = KEYS, found: readonly (Buffer | undefined)[] = CONTENTS): GivenKeys {
  return {
    limit: keys.length,
    numbers: () => keys.keys(),
    text: (number) => keys[number] ?? '',
    size: (number) => CONTENTS[number]?.length ?? 0,
    async *read(number) {
      const content = found[number]
      if (content === undefined) throw new StoreError({ kind: 'missing', op: 'read', where: '', message: 'no object' })
      yield content.subarray(0, 10)
      const isGood = content.equals(CONTENTS[number] as Buffer)
      if (!isGood) throw new StoreError({ kind: 'corrupt', op: 'read', where: '', message: 'it is damaged' })
      yield content.subarray(10)
    },
  }
}

async function pack(store: Store, keys = given(), time: Time = hurriedTime()) {
  const packed: number[] = []
  const onPacked = (number: number) => packed.push(number)
  const isNew = await packNew(new StoredDataset(store, DIRECTORY), keys, {
    version: '2',
    onPacked,
    time,
    temporaryDirectory,
  })
  return { isNew, packed }
}

/** With another byte than was there, whichever that was. */
function flipped(content: Buffer, at: number): Buffer {
  content.writeUInt8(content.readUInt8(at) ^ 1, at)
  return content
}

/** What clients get for each key. */
async function expectArchived(store: Store, keys: Iterable<number>): Promise<void> {
  const { file, remove } = await downloads()
  const client = dataset(store)
  for (const number of keys) {
    await client.retrieve(KEYS[number] ?? '', file(String(number)), {})
  }
  await client.close()
  await remove()
}

const ofArchives = async (store: Store) =>
  (await paths(store)).filter((path) => path.startsWith(`${archivesDirectory(DIRECTORY)}/`))

describe.each([
  ['in a store that renames', memoryStore],
  ['in a store that copies and removes', copyingStore],
])('%s', (_store, makeStore) => {
  test('keys from elsewhere are in a new archive, and nothing else is left of the work', async () => {
    const store = await makeStore()
    expect(await pack(store)).toEqual({ isNew: true, packed: [...KEYS.keys()] })
    await expectArchived(store, KEYS.keys())
    expect(await ofArchives(store)).toEqual([ARCHIVE])
    expect((await paths(store)).filter((path) => path.includes('/annex/'))).toEqual([])
    expect(await readdir(temporaryDirectory)).toEqual([])
  })

  test('what is damaged, gone, dropped before or no name for 7-Zip is left out, and not told of', async () => {
    const store = await makeStore()
    await put(store, tombstonePath(DIRECTORY, KEYS[2] ?? ''), '')
    const keys = KEYS.with(3, KEYS[3]?.replace('.dat', '.d*t') ?? '')
    const found = [Buffer.from('not what the key says'), undefined, ...CONTENTS.slice(2)]
    expect((await pack(store, given(keys, found))).packed).toEqual([4, 5])
    await expectArchived(store, [4, 5])
  })

  test('nothing is made of keys of which none can be packed', async () => {
    const store = await makeStore()
    expect(await pack(store, given(KEYS, []))).toEqual({ isNew: true, packed: [] })
    expect(await ofArchives(store)).toEqual([])
  })

  test('an archive that is there is left as it is', async () => {
    const store = await makeStore()
    await put(store, ARCHIVE, 'an archive')
    expect(await pack(store)).toEqual({ isNew: false, packed: [] })
    expect((await read(store, ARCHIVE)).toString()).toBe('an archive')
  })

  test('an archive that comes meanwhile is not replaced', async () => {
    const store = await makeStore()
    const other = withMethods(store, {
      put: async (path, source, options) => {
        if (path.endsWith('.tmp')) await put(store, ARCHIVE, 'of somebody who knows no lock')
        return store.put(path, source, options)
      },
    })
    await expect(pack(other)).rejects.toMatchObject({ kind: 'conflict' })
    expect((await read(store, ARCHIVE)).toString()).toBe('of somebody who knows no lock')
    expect(await ofArchives(store)).toEqual([ARCHIVE])
  })

  test('a key that is dropped meanwhile is not told of', async () => {
    const store = await makeStore()
    const other = withMethods(store, {
      put: async (path, source, options) => {
        if (path.endsWith('.tmp')) await put(store, tombstonePath(DIRECTORY, KEYS[1] ?? ''), '')
        return store.put(path, source, options)
      },
    })
    expect((await pack(other)).packed).toEqual([0, 2, 3, 4, 5])
  })

  test.each([
    ['has a byte that is another one', (content: Buffer) => flipped(content, 40)],
    ['has other content in its largest member', (content: Buffer) => flipped(content, 100_000)],
    ['is shorter', (content: Buffer) => content.subarray(0, -1)],
  ])('an archive that comes back from the store and %s is not put in place', async (_what, damage) => {
    const store = await makeStore()
    const damaging = withMethods(store, {
      put: async (path, source, options) => {
        const stat = await store.put(path, source, options)
        if (!path.endsWith('.tmp')) return stat
        await put(store, path, damage(await read(store, path)))
        return stat
      },
    })
    await expect(pack(damaging)).rejects.toMatchObject({ kind: 'corrupt' })
    expect(await ofArchives(store)).toEqual([])
  })

  test('nothing is done while somebody else has the lock', async () => {
    const store = await makeStore()
    const lock = await takeLock(new StoredDataset(store, DIRECTORY))
    await expect(pack(store)).rejects.toMatchObject({ kind: 'conflict' })
    await lock.release()
    expect(await ofArchives(store)).toEqual([])
  })

  test('killed at any step it has shown nothing that is not whole, and the next run finishes', async () => {
    for (let nth = 1; ; nth++) {
      const store = await makeStore()
      const dying = dyingAt(store, nth)
      const error = await pack(dying).catch((caught: unknown) => caught)
      if (!dying.isDead) {
        expect(nth).toBeGreaterThan(5)
        break
      }
      expect(error, dying.at).not.toHaveProperty('packed', [])
      const isThere = (await store.stat(ARCHIVE)) !== undefined
      if (isThere) await expectArchived(store, KEYS.keys())
      await (await takeLock(new StoredDataset(store, DIRECTORY), { breakLock: true, time: hurriedTime() })).release()
      expect((await pack(store)).isNew, dying.at).toBe(!isThere)
      await expectArchived(store, KEYS.keys())
      if (!isThere) expect(await ofArchives(store), dying.at).toEqual([ARCHIVE])
    }
  })

  test('stopped at any step while somebody else takes the lock and packs, it replaces nothing when it wakes up', async () => {
    for (let nth = 1; ; nth++) {
      const store = await makeStore()
      const time = hurriedTime()
      let wasNew = false
      let stat: unknown
      const stopping = stoppingAt(store, nth, async () => {
        await (await takeLock(new StoredDataset(store, DIRECTORY), { breakLock: true, time })).release()
        wasNew = (await pack(store, given(), time)).isNew
        stat = await store.stat(ARCHIVE)
        await time.sleep(60_000)
      })
      const ended = await pack(stopping, given(), time).catch((error: unknown) => error)
      if (!stopping.wasStopped) break
      if (ended instanceof Error && !isStoreError(ended, 'conflict', 'missing')) throw ended
      await expectArchived(store, KEYS.keys())
      if (wasNew) expect(await store.stat(ARCHIVE), stopping.at).toEqual(stat)
    }
  })
})

test('in an object store nothing is put in place before clients know of the lock, and meanwhile it is made', async () => {
  const store = await copyingStore()
  const waits: string[] = []
  const time: Time = {
    ...REAL_TIME,
    sleep: async (ms) => {
      expect(ms).toBeGreaterThan(0)
      expect(await store.stat(lockPath(DIRECTORY))).toBeDefined()
      expect(await store.stat(ARCHIVE)).toBeUndefined()
      waits.push(...(await ofArchives(store)).filter((path) => path.endsWith('.tmp')))
    },
  }
  expect((await pack(store, given(), time)).packed).toHaveLength(KEYS.length)
  expect(waits).toHaveLength(1)
})

test('a key that is packed costs some bytes, and no object', async () => {
  const count = 50_000
  const store = await memoryStore()
  const content = (number: number) => Buffer.from(String(number).padStart(8))
  const names = Buffer.alloc(count * 16)
  for (let i = 0; i < count; i++)
    createHash('md5')
      .update(content(i))
      .digest()
      .copy(names, i * 16)
  const keys: GivenKeys = {
    limit: count,
    numbers: () => Array.from({ length: count }).keys(),
    text: (number) => `MD5-s8--${names.toString('hex', number * 16, number * 16 + 16)}`,
    size: () => 8,
    read: content,
  }
  const before = heapUsed()
  let most = 0
  let gets = 0
  const watched = withMethods(store, {
    // When all is written.
    put: (path, source, options) => {
      if (path.endsWith('.tmp')) most = heapUsed()
      return store.put(path, source, options)
    },
    // While all is read back.
    get: (path, consume, options) => {
      if (path.endsWith('.tmp') && ++gets % 4 === 0) most = Math.max(most, heapUsed())
      return store.get(path, consume, options)
    },
  })
  let packed = 0
  await packNew(new StoredDataset(watched, DIRECTORY), keys, {
    version: '2',
    onPacked: () => {
      packed += 1
    },
    temporaryDirectory,
  })
  expect(packed).toBe(count)
  expect((most - before) / count).toBeLessThan(150)
})
