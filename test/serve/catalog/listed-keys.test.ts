import { beforeEach, expect, test } from 'vitest'
import { StoredKeys } from '../../../src/admin/inventory/stored-keys.ts'
import { archivePath, keyPaths } from '../../../src/ria/layout/paths.ts'
import { tombstonePath } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { ListedKeys } from '../../../src/serve/catalog/listed-keys.ts'
import type { Store } from '../../../src/store/store.ts'
import { copyArchive } from '../../support/archives/header-writer.ts'
import { DIRECTORY, ID, memoryStore, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods, write } from '../../support/stores/stores.ts'

const key = (number: number) => `MD5E-s5--${String(number).padStart(32, '0')}.dat`
const placeOf = (name: string, version = '2') => keyPaths(DIRECTORY, version, name)[0] ?? ''

let store: Store
/** Looks for single files. */
let looks: number

beforeEach(async () => {
  store = await memoryStore()
  looks = 0
})

async function open(traits: Partial<Store['traits']> = { flat: true }) {
  const counted = withMethods(withTraits(store, traits), {
    stat: (...all) => {
      looks += 1
      return store.stat(...all)
    },
    statAll: (files, options) => {
      looks += files.length
      return store.statAll(files, options)
    },
  })
  const dataset = new StoredDataset(counted, DIRECTORY, ID)
  return new ListedKeys(dataset, await StoredKeys.open(dataset, undefined), 3)
}

test('many keys of a store in which each look is a request are found by one list of them', async () => {
  for (let i = 0; i < 50; i++) await write(store, placeOf(key(i)), 'bytes')
  const members = [60, 61].map((i) => ({
    name: placeOf(key(i)).split('/annex/objects/')[1] ?? '',
    content: Buffer.from('bytes'),
  }))
  await write(store, archivePath(DIRECTORY), copyArchive(members))
  const keys = await open()
  for (let i = 0; i < 5; i++) await keys.find(key(i))
  looks = 0
  for (let i = 0; i < 50; i++) expect(await keys.find(key(i))).toEqual({ path: placeOf(key(i)) })
  for (const i of [60, 61]) expect(await keys.find(key(i))).toEqual({ path: undefined })
  expect(looks).toBe(0)
})

test('what the list does not show, or shows to be damaged or dropped, is looked for by itself', async () => {
  for (let i = 0; i < 5; i++) await write(store, placeOf(key(i)), 'bytes')
  await write(store, placeOf(key(6)), 'too many bytes')
  const dropped = { name: placeOf(key(7)).split('/annex/objects/')[1] ?? '', content: Buffer.from('bytes') }
  await write(store, archivePath(DIRECTORY), copyArchive([dropped]))
  await write(store, tombstonePath(DIRECTORY, key(7)), '')
  const keys = await open()
  for (let i = 0; i < 5; i++) await keys.find(key(i))
  await write(store, placeOf(key(8)), 'bytes') // after the list
  expect(await keys.find(key(8))).toMatchObject({ path: placeOf(key(8)) })
  expect([await keys.find(key(7)), await keys.find(key(9))]).toEqual([undefined, undefined])
  await expect(keys.find(key(6))).rejects.toMatchObject({ kind: 'corrupt' })
})

test('a key at a place where no client looks for it is not found by the list either', async () => {
  await write(store, `${DIRECTORY}/annex/objects/a/b/${key(1)}/${key(1)}`, 'bytes')
  const keys = await open()
  for (let i = 2; i < 6; i++) await keys.find(key(i))
  expect(await keys.find(key(1))).toBeUndefined()
})

test('where a look costs nothing, each key is looked for by itself', async () => {
  for (let i = 0; i < 10; i++) await write(store, placeOf(key(i)), 'bytes')
  const keys = await open({ flat: false })
  for (let i = 0; i < 10; i++) expect(await keys.find(key(i))).toMatchObject({ path: placeOf(key(i)) })
  expect(looks).toBeGreaterThanOrEqual(10)
})
