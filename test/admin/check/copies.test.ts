import { expect, test } from 'vitest'
import { Copies } from '../../../src/admin/check/copies.ts'
import { dirHash } from '../../../src/core/dirhash.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { CONTENT, DIRECTORY, KEY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'

const TWIN = 'MD5E-s22--f5d00c5dfb5f567982edd73a406d18a1.a&b'

test('copies are told again as they were listed, in whichever place clients find them', async () => {
  const store = await memoryStore()
  const escaped = TWIN.replaceAll('&', '&a')
  const places = [dirHash(TWIN).mixed, dirHash(escaped).mixed].map(
    (hash) => `${DIRECTORY}/annex/objects/${hash}/${escaped}/${escaped}`,
  )
  for (const place of [PLACE, ...places]) await put(store, place, CONTENT)
  await put(store, `${DIRECTORY}/annex/objects/000/111/${KEY}/${KEY}`, CONTENT) // nobody looks there
  await put(store, `${DIRECTORY}/annex/objects/W8/p2/MD5-s3--x/MD5-s3--x`, CONTENT) // told of elsewhere
  const copies = await Copies.list(new StoredDataset(store, DIRECTORY), {})
  const told = Array.from({ length: copies.count }, (_, i) => copies.at(i))
  expect(new Set(told.map(({ path }) => path))).toEqual(new Set([PLACE, ...places]))
  expect(new Set(told.map(({ key }) => key))).toEqual(new Set([KEY, TWIN]))
  expect(told.every(({ size, member }) => size === 22 && member === undefined)).toBe(true)
})

test('many copies, which fill several pieces of memory, are told apart', async () => {
  const store = await memoryStore()
  const keys = Array.from({ length: 3000 }, (_, i) => `WORM-s22-m1--${String(i).padStart(500, 'x')}`)
  for (const key of keys) await put(store, `${DIRECTORY}/annex/objects/${dirHash(key).mixed}/${key}/${key}`, CONTENT)
  const copies = await Copies.list(new StoredDataset(store, DIRECTORY), {})
  expect(new Set(Array.from({ length: copies.count }, (_, i) => copies.keyAt(i)))).toEqual(new Set(keys))
})
