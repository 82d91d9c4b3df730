import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { unarchive } from '../../../../src/admin/compaction/unarchive.ts'
import type { Time } from '../../../../src/core/moment.ts'
import { bufferSource } from '../../../../src/core/source.ts'
import type { RiaDataset } from '../../../../src/ria/keys/ria-dataset.ts'
import { objectsDirectory, placesOf } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../../src/store/memory.ts'
import type { Store } from '../../../../src/store/store.ts'
import { copyingFrom } from '../../../support/stores/copying-store.ts'
import { keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { gatedStore } from '../../../support/stores/gated-store.ts'
import { DIRECTORY, dataset, downloads, memoryStore, paths, put, read } from '../../../support/stores/memory-dataset.ts'
import { secondsFrom } from '../../../support/stores/seconds-store.ts'
import { withMethods } from '../../../support/stores/stores.ts'

const CONTENT = Buffer.from('some content')
const KEY = keyOf(CONTENT)
const LOOSE = `${objectsDirectory(DIRECTORY)}/${placesOf(KEY, '2')[0]}`

/** What a run is held up before. */
const ANY = ['']
const OF_KEY = [KEY, '/dropped', 'archive.7z']

let temporaryDirectory: string
beforeAll(async () => {
  temporaryDirectory = await mkdtemp(join(tmpdir(), 'riastore-meanwhile-'))
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterAll(async () => {
  vi.useRealTimers()
  await rm(temporaryDirectory, { recursive: true, force: true })
})

/** Nobody waits, but it is later afterwards for clients, too. */
const TIME: Time = {
  now: () => ({ steady: performance.now(), wall: Date.now() }),
  async sleep(ms) {
    vi.setSystemTime(Date.now() + ms)
  },
}

const pack = (store: Store) => compact(new StoredDataset(store, DIRECTORY), { time: TIME, temporaryDirectory })
const unpack = (store: Store) => unarchive(new StoredDataset(store, DIRECTORY), { time: TIME })
const storing = (client: RiaDataset) => client.store(KEY, bufferSource(CONTENT))

/** Two keys, all loose, or all in the archive. */
async function startingPoint(isArchived: boolean): Promise<Map<string, Buffer>> {
  const store = copyingFrom(await memoryStore())
  await put(store, LOOSE, CONTENT)
  const other = keyOf('another')
  await put(store, `${objectsDirectory(DIRECTORY)}/${placesOf(other, '2')[0]}`, 'another')
  if (isArchived) await pack(store)
  const content = new Map<string, Buffer>()
  for (const path of await paths(store)) content.set(path, await read(store, path))
  return content
}

async function storeOf(content: ReadonlyMap<string, Buffer>, storeFrom: (store: Store) => Store): Promise<Store> {
  const store = openMemoryStore()
  for (const [path, bytes] of content) await put(store, path, bytes)
  vi.setSystemTime(Date.now() + 10_000) // what was seen a moment ago counts for clients
  return storeFrom(store)
}

async function isPresent(store: Store): Promise<boolean> {
  const client = dataset(store)
  const isThere = await client.checkPresent(KEY)
  await client.close()
  return isThere
}

/** A client who knew the dataset before it had an archive. */
async function ignorant(store: Store): Promise<RiaDataset> {
  const archive = `${DIRECTORY}/archives/archive.7z`
  const hidden: Store = {
    ...store,
    stat: async (path, options) => (path === archive ? undefined : store.stat(path, options)),
  }
  let current = hidden
  const client = dataset(new Proxy(store, { get: (_store, name: keyof Store) => current[name] }))
  await client.layout()
  current = store
  return client
}

/** What a process that may be killed sees of a store: once it is dead, nothing comes back to it. */
class Mortal {
  readonly store: Store
  readonly killed: Promise<void>
  #tell = () => {}
  #isDead = false

  constructor(store: Store) {
    this.killed = new Promise((resolve) => {
      this.#tell = resolve
    })
    const never = () => new Promise<never>(() => {})
    this.store = new Proxy(store, {
      get: (target, name: keyof Store) => {
        const value = target[name]
        if (typeof value !== 'function') return value
        if (!this.#isDead) return value.bind(target)
        return name === 'list' || name === 'children'
          ? () => ({ [Symbol.asyncIterator]: () => ({ next: never }) })
          : never
      },
    })
  }

  kill(): Promise<never> {
    this.#isDead = true
    this.#tell()
    return new Promise<never>(() => {})
  }
}

const RUNS = [
  ['packed', false, pack],
  ['unpacked', true, unpack],
] as const

describe.each([
  ['in an object store', copyingFrom],
  ['over SFTP', secondsFrom],
  ['on a disk', (store: Store) => store],
])('%s', (_where, storeFrom) => {
  const copyOf = (content: ReadonlyMap<string, Buffer>) => storeOf(content, storeFrom)

  test.each(RUNS)('a key that is dropped at any moment while it is %s is gone', async (_name, isArchived, run) => {
    const start = await startingPoint(isArchived)
    for (let nth = 1; ; nth++) {
      const store = await copyOf(start)
      const client = dataset(store)
      const gated = gatedStore(store, ANY, nth, () => client.remove(KEY))
      await run(gated.store)
      if (gated.heldAt === undefined) break
      expect(await client.checkPresent(KEY), gated.heldAt).toBe(false)
      expect(await isPresent(store), gated.heldAt).toBe(false)
      await client.close()
    }
  })

  test.each(RUNS)('a key whose removal takes as long as it is %s is gone', async (_name, isArchived, run) => {
    const start = await startingPoint(isArchived)
    for (let nth = 1; ; nth++) {
      const store = await copyOf(start)
      const gated = gatedStore(store, ANY, nth, async () => void (await run(store)))
      const client = dataset(gated.store)
      await client.remove(KEY)
      if (gated.heldAt === undefined) break
      expect(await isPresent(store), gated.heldAt).toBe(false)
      await client.close()
    }
  })

  test.each(RUNS)(
    'a key that is dropped and stored again while it is %s is there, whoever is slow',
    async (_name, isArchived, run) => {
      const start = await startingPoint(isArchived)
      for (let nth = 1, wasHeld = true; wasHeld; nth++) {
        for (let slow = 1, wasSlow = true; wasSlow; slow++) {
          const store = await copyOf(start)
          const client = dataset(store)
          let goOn = () => {}
          const ended = new Promise<void>((resolve) => {
            goOn = resolve
          })
          let storingAgain: Promise<void> | undefined
          const gated = gatedStore(store, OF_KEY, nth, async () => {
            await client.remove(KEY)
            let isHeld = () => {}
            const held = new Promise<void>((resolve) => {
              isHeld = resolve
            })
            const slowly = gatedStore(store, OF_KEY, slow, async () => {
              isHeld()
              await ended
            })
            const other = await ignorant(slowly.store)
            storingAgain = storing(other)
            await Promise.race([storingAgain, held])
            wasSlow = slowly.heldAt !== undefined
          })
          await run(gated.store)
          goOn()
          await storingAgain
          wasHeld = gated.heldAt !== undefined
          if (!wasHeld) break
          const at = `${gated.heldAt}, ${slow}`
          expect(await isPresent(store), at).toBe(true)
          await client.close()
          await unpack(store)
          expect((await read(store, LOOSE)).equals(CONTENT), at).toBe(true)
        }
      }
    },
  )

  test('a key that is dropped while a run that is killed unpacks it is gone, or whole, and can be dropped again', async () => {
    const start = await startingPoint(true)
    const target = await downloads()
    const expectWholeIfThere = async (store: Store, at: string) => {
      if (!(await isPresent(store))) return
      const client = dataset(store)
      const file = target.file('copy')
      await client.retrieve(KEY, file)
      await client.close()
      expect((await readFile(file)).equals(CONTENT), at).toBe(true)
      await rm(file)
    }
    for (let nth = 1, wasHeld = true; wasHeld; nth++) {
      for (const later of [0, 1, 2]) {
        const store = await copyOf(start)
        const client = dataset(store)
        const mortal = new Mortal(store)
        const killed = gatedStore(mortal.store, [KEY], nth + later, () => mortal.kill())
        const gated = gatedStore(killed.store, [KEY], nth, () => client.remove(KEY))
        await Promise.race([unpack(gated.store), mortal.killed])
        wasHeld = gated.heldAt !== undefined
        if (!wasHeld) break
        const at = `${gated.heldAt}, ${killed.heldAt}`
        await expectWholeIfThere(store, at)
        await unarchive(new StoredDataset(store, DIRECTORY), { time: TIME, breakLock: true })
        await expectWholeIfThere(store, at)
        await client.remove(KEY)
        expect(await isPresent(store), at).toBe(false)
        await client.close()
      }
    }
    await target.remove()
  })

  test('a key that is dropped and stored again before it could be packed stays loose, and is no problem', async () => {
    const store = await copyOf(await startingPoint(false))
    const client = dataset(store)
    const busy = withMethods(store, {
      get: async (path, consume, options) => {
        if (path !== LOOSE) return store.get(path, consume, options)
        await client.remove(KEY)
        await store.get(path, consume, options).finally(() => storing(client))
      },
    })
    expect(await pack(busy)).toMatchObject({ packed: { keys: 1 }, problems: [] })
    expect((await read(store, LOOSE)).equals(CONTENT)).toBe(true)
    await client.close()
  })
})
