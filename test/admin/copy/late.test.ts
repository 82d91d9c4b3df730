import { beforeEach, expect, test } from 'vitest'
import { onlyInOriginal } from '../../../src/admin/copy/late.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { DIRECTORY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'

const ARCHIVE = `${DIRECTORY}/archives/archive.7z`

let original: Store
let copy: Store
beforeEach(async () => {
  original = await memoryStore()
  copy = await memoryStore()
  for (const store of [original, copy]) {
    await put(store, PLACE, 'a')
    await put(store, ARCHIVE, Buffer.alloc(100, 'a'))
  }
})

const late = () => onlyInOriginal(new StoredDataset(original, DIRECTORY), new StoredDataset(copy, DIRECTORY), {})

test('what is the same at both ends came not late', async () => {
  expect(await late()).toEqual({ keys: 0, archive: false, refs: [] })
})

test('an archive that was replaced at the last moment is told of, and one that the copy has alone is not', async () => {
  await put(original, ARCHIVE, Buffer.alloc(100, 'b'))
  expect(await late()).toMatchObject({ archive: true })
  await original.remove(ARCHIVE)
  expect(await late()).toMatchObject({ archive: false })
  await put(original, ARCHIVE, Buffer.alloc(100, 'a'))
  await copy.remove(ARCHIVE)
  expect(await late()).toMatchObject({ archive: true })
})
