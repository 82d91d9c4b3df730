import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { verifyArchive } from '../../../../src/admin/compaction/verify.ts'
import { copyArchive } from '../../../../src/admin/copy/copy-archive.ts'
import { KeysThere } from '../../../../src/admin/copy/keys-there.ts'
import { giveBack } from '../../../../src/admin/holes/give-back.ts'
import { bufferSource, type Source } from '../../../../src/core/source.ts'
import { lockPath, punchedPath } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../../src/store/store.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { type DatasetOnDisk, datasetOnDisk } from '../../../support/stores/dataset-on-disk.ts'
import {
  dataset as clientOf,
  DIRECTORY,
  memoryStore,
  put,
  read,
  withTraits,
} from '../../../support/stores/memory-dataset.ts'
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

/** A content that is read only after so long. ms. */
function slowly(content: Buffer, ms: number): Source {
  const source = bufferSource(content)
  return {
    ...source,
    async *open(signal) {
      await sleep(ms)
      yield* source.open(signal)
    },
  }
}

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

  describe('in a copy of it in an object store', () => {
    let objects: Store
    const inObjects = () => new StoredDataset(objects, DIRECTORY)
    const place = () => `${DIRECTORY}/${dataset.looseFile(key).split(`${DIRECTORY}/`)[1]}`
    const copyThere = async () =>
      copyArchive(stored(dataset), inObjects(), {
        there: await KeysThere.open(inObjects()),
        version: '2',
        wasKilled: false,
      })
    beforeEach(async () => {
      await clientOf(dataset.store).remove(key)
      await giveBack(stored(dataset))
      objects = withTraits(await memoryStore(), { flat: true })
    })

    test('a dropped key that was stored again is absent when its loose copy is gone, however that went', async () => {
      await copyThere()
      expect(await clientOf(objects).checkPresent(key)).toBe(false)
      await clientOf(objects).store(key, bufferSource(first))
      expect(await clientOf(objects).checkPresent(key)).toBe(true)
      await objects.remove(place())
      expect(await clientOf(objects).checkPresent(key)).toBe(false)
    })

    test('so is one whose upload took so long that somebody may have packed meanwhile', async () => {
      await copyThere()
      await clientOf(objects).store(key, slowly(first, 1_200))
      expect(await clientOf(objects).checkPresent(key)).toBe(true)
      await objects.remove(place())
      expect(await clientOf(objects).checkPresent(key)).toBe(false)
    })

    test('a dropped key is not stored while somebody packs, and no hole takes its place', async () => {
      await copyThere()
      await put(objects, lockPath(DIRECTORY), '{}')
      await expect(clientOf(objects).store(key, bufferSource(first))).rejects.toThrow(/may be a hole: store it again/)
      await objects.remove(place())
      await objects.remove(lockPath(DIRECTORY))
      expect(await clientOf(objects).checkPresent(key)).toBe(false)
    })

    test('a drop that is killed before any step of it shows no hole as the key', async () => {
      for (let nth = 1; ; nth++) {
        objects = withTraits(await memoryStore(), { flat: true })
        await copyThere()
        await clientOf(objects).store(key, bufferSource(first))
        let isKilled = false
        const killed = withFaults(objects, ({ op }) => {
          if (op === 'put' || op === 'remove') nthLeft -= 1
          isKilled ||= nthLeft <= 0
          return isKilled ? { fail: 'denied' } : undefined
        })
        let nthLeft = nth
        await clientOf(killed)
          .remove(key)
          .catch(() => {})
        if (await clientOf(objects).checkPresent(key)) expect((await read(objects, place())).equals(first)).toBe(true)
        if (!isKilled) break
      }
      expect(await clientOf(objects).checkPresent(key)).toBe(false)
    })

    test('a key that the original has loose, too, is absent there when its own loose copy is gone', async () => {
      await clientOf(objects).store(key, bufferSource(first))
      await copyThere()
      expect(await clientOf(objects).checkPresent(key)).toBe(true)
      await objects.remove(place())
      expect(await clientOf(objects).checkPresent(key)).toBe(false)
    })
  })

  test('is one in a copy, too', async () => {
    await clientOf(dataset.store).remove(key)
    await giveBack(stored(dataset))
    await copyIt()
    expect(await copy.archives()).toEqual(['archive.7z', 'dropped', 'punched'])
    expect((await copyIt()).bytes).toBe(0)
  })
})
