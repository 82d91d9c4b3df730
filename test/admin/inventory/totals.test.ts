import { expect, test } from 'vitest'
import { Fingerprints } from '../../../src/admin/inventory/fingerprints.ts'
import { TotalsCounter } from '../../../src/admin/inventory/totals.ts'
import { dirHash } from '../../../src/core/dirhash.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Entry, Store } from '../../../src/store/store.ts'
import { around } from '../../../src/store/wrappers/around.ts'
import { CONTENT, DIRECTORY, KEY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'

const through = (store: Store) => around(store, { call: (_call, options, work) => work(options) })

test('names are told apart, and each is new once, however many there are', () => {
  const names = new Fingerprints()
  const all = Array.from({ length: 5000 }, (_, i) => `key ${i}`)
  expect(all.filter((name) => names.set(name, 1) === undefined)).toHaveLength(5000)
  expect(all.filter((name) => names.set(name, 2) !== 1)).toEqual([])
  expect(names.set('key 17', 3)).toBe(2)
  expect(names.size).toBe(5000)
})

test('a key that two datasets have is shared in the second, and files of all kinds are counted', async () => {
  const store = await memoryStore()
  const other = '111/11111-2222-3333-4444-555555555555'
  await put(store, PLACE, CONTENT)
  await put(store, `${other}${PLACE.slice(DIRECTORY.length)}`, CONTENT)
  await put(store, `${other}/ora-remote-x/transfer/upload`, 'half')
  const counter = new TotalsCounter()
  const first = await counter.count(new StoredDataset(store, DIRECTORY))
  const second = await counter.count(new StoredDataset(store, other))
  expect(first).toMatchObject({ loose: 1, looseBytes: 22, shared: 0, files: 2, temporary: 0 })
  expect(second).toMatchObject({ loose: 1, shared: 1, sharedBytes: 22, temporary: 1, temporaryBytes: 4 })
})

test('a key that lies in both places where clients look for it is shared with no other dataset', async () => {
  const store = await memoryStore()
  await put(store, PLACE, CONTENT)
  await put(store, `${DIRECTORY}/annex/objects/${dirHash(KEY).lower}/${KEY}/${KEY}`, CONTENT)
  expect(await new TotalsCounter().count(new StoredDataset(store, DIRECTORY))).toMatchObject({ loose: 2, shared: 0 })
})

test('directories are counted once each, in whatever order their files come, and none where there are none', async () => {
  const store = await memoryStore()
  await put(store, PLACE, CONTENT)
  for (const name of ['refs/heads/main', 'objects/aa/1', 'refs/tags/1', 'objects/aa/2', 'refs/heads/other']) {
    await put(store, `${DIRECTORY}/${name}`, 'x')
  }
  // The dataset, annex, objects, two of hashes, the key's own; refs, heads, tags; objects, aa.
  expect(await new TotalsCounter().count(new StoredDataset(store, DIRECTORY))).toMatchObject({ directories: 11 })
  const flat = { ...through(store), traits: { ...store.traits, flat: true } }
  expect(await new TotalsCounter().count(new StoredDataset(flat, DIRECTORY))).toMatchObject({ directories: 0 })
})

test('what uploads left is stale after a day, and a lock of git after an hour', async () => {
  const files = await memoryStore()
  const left = `${DIRECTORY}/ora-remote-x/transfer/upload`
  await put(files, PLACE, CONTENT)
  await put(files, left, 'half')
  await put(files, `${DIRECTORY}/refs/heads/main.lock`, '')
  const countAfter = async (ms: number) => {
    const old = (entry: Entry): Entry => ({ ...entry, mtimeMs: Date.now() - ms })
    const store: Store = {
      ...through(files),
      list: async function* (directory, options) {
        for await (const entry of files.list(directory, options)) yield old(entry)
      },
    }
    const { temporary, stale, staleBytes } = await new TotalsCounter().count(new StoredDataset(store, DIRECTORY))
    return [temporary, stale, staleBytes]
  }
  expect(await countAfter(60_000)).toEqual([1, 0, 0])
  expect(await countAfter(2 * 3_600_000)).toEqual([1, 1, 0])
  expect(await countAfter(25 * 3_600_000)).toEqual([1, 2, 4])
})
