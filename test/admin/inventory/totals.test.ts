import { expect, test } from 'vitest'
import { Fingerprints } from '../../../src/admin/inventory/fingerprints.ts'
import { TotalsCounter } from '../../../src/admin/inventory/totals.ts'
import { dirHash } from '../../../src/core/dirhash.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { CONTENT, DIRECTORY, KEY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'

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
