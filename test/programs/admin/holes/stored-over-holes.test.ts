import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { verifyArchive } from '../../../../src/admin/compaction/verify.ts'
import { copyArchive } from '../../../../src/admin/copy/copy-archive.ts'
import { KeysThere } from '../../../../src/admin/copy/keys-there.ts'
import { giveBack } from '../../../../src/admin/holes/give-back.ts'
import { bufferSource } from '../../../../src/core/source.ts'
import { punchedPath } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { type DatasetOnDisk, datasetOnDisk } from '../../../support/stores/dataset-on-disk.ts'
import { dataset as clientOf, DIRECTORY } from '../../../support/stores/memory-dataset.ts'
import { withMethods } from '../../../support/stores/stores.ts'

const first = randomBytes(200_000)

let dataset: DatasetOnDisk
let key: string
beforeEach(async () => {
  dataset = await datasetOnDisk()
  key = await dataset.addKey(first)
  await dataset.addKey(randomBytes(200_000))
  await compact(stored(dataset), { level: 0 })
})
afterEach(() => dataset.remove())

const stored = ({ store }: DatasetOnDisk) => new StoredDataset(store, DIRECTORY)

describe('a key that was dropped, and whose place in the archive is a hole', () => {
  beforeEach(async () => {
    await clientOf(dataset.store).remove(key)
    await giveBack(stored(dataset))
  })

  test('is absent when it was stored again and its loose copy is gone, however that went', async () => {
    await clientOf(dataset.store).store(key, bufferSource(first))
    expect(await clientOf(dataset.store).checkPresent(key)).toBe(true)
    expect(await verifyArchive(stored(dataset))).toMatchObject({ bad: [] })
    await rm(dataset.looseFile(key)) // as stock ORA does, and ours that is killed just then
    expect(await clientOf(dataset.store).checkPresent(key)).toBe(false)
    await clientOf(dataset.store).store(key, bufferSource(first))
    expect(dataset.isLoose(key)).toBe(true)
  })

  test('is packed again once another archive is in place', async () => {
    await clientOf(dataset.store).store(key, bufferSource(first))
    await compact(stored(dataset))
    expect([dataset.isLoose(key), await dataset.archives(), await dataset.dropped()]).toEqual([
      true,
      ['archive.7z'],
      [],
    ])
    await compact(stored(dataset))
    expect(dataset.isLoose(key)).toBe(false)
    expect((await dataset.extract(key)).equals(first)).toBe(true)
  })
})

test('a dropped key that is stored again just before the first hole is made gets none', async () => {
  await clientOf(dataset.store).remove(key)
  const put: typeof dataset.store.put = async (path, source, options) => {
    if (path === punchedPath(DIRECTORY)) await clientOf(dataset.store).store(key, bufferSource(first))
    return dataset.store.put(path, source, options)
  }
  await giveBack(stored({ ...dataset, store: withMethods(dataset.store, { put }) }))
  await rm(dataset.looseFile(key))
  expect(await clientOf(dataset.store).checkPresent(key)).toBe(true)
  expect((await dataset.extract(key)).equals(first)).toBe(true)
})

describe('an archive with holes', () => {
  let copy: DatasetOnDisk
  beforeEach(async () => {
    copy = await datasetOnDisk()
  })
  afterEach(() => copy.remove())

  const copyIt = async () =>
    copyArchive(stored(dataset), stored(copy), {
      there: await KeysThere.open(stored(copy)),
      version: '2',
      wasKilled: false,
    })

  test('is copied once more where the original has what the holes were made of', async () => {
    await copyIt()
    await clientOf(copy.store).remove(key)
    await giveBack(stored(copy))
    await copyIt()
    expect(await clientOf(copy.store).checkPresent(key)).toBe(true)
    expect((await copy.extract(key)).equals(first)).toBe(true)
    expect(await copy.archives()).toEqual(['archive.7z'])
  })

  test('is one in a copy, too', async () => {
    await clientOf(dataset.store).remove(key)
    await giveBack(stored(dataset))
    await copyIt()
    expect(await copy.archives()).toEqual(['archive.7z', 'dropped', 'punched'])
    expect((await copyIt()).bytes).toBe(0)
  })
})
