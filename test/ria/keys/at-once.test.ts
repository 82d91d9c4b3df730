import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import type { RiaDataset } from '../../../src/ria/keys/ria-dataset.ts'
import { contents, type DatasetOnDisk, datasetOnDisk, keyOf } from '../../support/stores/dataset-on-disk.ts'
import { dataset } from '../../support/stores/memory-dataset.ts'

const CONTENT = Buffer.from('the content')
const KEY = keyOf(CONTENT)

let disk: DatasetOnDisk
let keys: RiaDataset
let file: string

/** A dataset that was used before, as it is after the first key. */
async function used(settings: Parameters<typeof dataset>[1] = {}): Promise<RiaDataset> {
  const used = dataset(disk.store, settings)
  await used.store('WORM-s1-m1--first', bufferSource('1'))
  return used
}

beforeEach(async () => {
  disk = await datasetOnDisk()
  keys = await used()
  file = disk.file('../local')
  writeFileSync(file, CONTENT)
})

afterEach(async () => {
  await disk.store.close()
  await disk.remove()
})

describe('without waiting', () => {
  test('a key is stored, found, retrieved and removed, as in the ordinary way', async () => {
    expect(keys.checkPresentAtOnce(KEY)).toBe(false)
    expect(await keys.storeAtOnce(KEY, file)).toMatchObject({ size: CONTENT.length })
    expect(await keys.checkPresent(KEY)).toBe(true)
    expect(keys.checkPresentAtOnce(KEY)).toBe(true)
    expect(keys.retrieveAtOnce(KEY, `${file}.got`)).toBe(true)
    expect(readFileSync(`${file}.got`)).toEqual(CONTENT)
    expect(keys.removeAtOnce(KEY)).toBe(true)
    expect(await keys.checkPresent(KEY)).toBe(false)
    expect(existsSync(dirname(disk.looseFile(KEY)))).toBe(false)
  })

  test('a key is found in the second of its places, and removed from it', async () => {
    const key = 'URL-s11--http://example.com/a&b'
    await disk.addKey(CONTENT, { key, which: 1 })
    expect(keys.checkPresentAtOnce(key)).toBe(true)
    if (!keys.removeAtOnce(key)) await keys.remove(key)
    expect(disk.isLoose(key)).toBe(false)
  })

  test('nothing is said before the dataset was looked at', async () => {
    const fresh = dataset(disk.store)
    expect(fresh.checkPresentAtOnce(KEY)).toBeUndefined()
    expect(fresh.storeAtOnce(KEY, file)).toBeUndefined()
    expect(fresh.removeAtOnce(KEY)).toBe(false)
    expect(fresh.retrieveAtOnce(KEY, `${file}.got`)).toBe(false)
  })
})

describe('nothing is proven without waiting', () => {
  test('of a key, be it there or not, when the dataset is gone', async () => {
    rmSync(disk.file('ria-layout-version'))
    expect(keys.checkPresentAtOnce(KEY)).toBeUndefined()
    expect(keys.removeAtOnce(KEY)).toBe(false)
    await expect(keys.checkPresent(KEY)).rejects.toMatchObject({ kind: 'missing' })
  })

  test('of a copy of another length, which is neither handed over nor taken for the key', async () => {
    await disk.addKey('half', { key: KEY })
    expect(keys.checkPresentAtOnce(KEY)).toBeUndefined()
    expect(keys.retrieveAtOnce(KEY, `${file}.got`)).toBe(false)
    expect(existsSync(`${file}.got`)).toBe(false)
  })

  test('when an archive is there, or comes', () => {
    mkdirSync(disk.file('archives'), { recursive: true })
    writeFileSync(disk.file('archives/archive.7z'), 'packed')
    expect(keys.checkPresentAtOnce(KEY)).toBeUndefined()
    expect(keys.removeAtOnce(KEY)).toBe(false)
  })

  test('of a removal while somebody holds the lock: the key may just be packed', async () => {
    await disk.addKey(CONTENT, { key: KEY })
    writeFileSync(disk.file('archives/lock'), '')
    expect(keys.removeAtOnce(KEY)).toBe(false)
  })
})

describe('without waiting, nothing is changed', () => {
  test.each([
    ['that is read-only', '3\n', {}],
    ['where nothing is removed or replaced', '2|a\n', {}],
  ])('in a dataset %s', async (_what, layout) => {
    await disk.addKey(CONTENT, { key: KEY })
    writeFileSync(disk.file('ria-layout-version'), layout)
    const guarded = dataset(disk.store)
    await guarded.layout()
    expect(guarded.storeAtOnce(KEY, file)).toBeUndefined()
    expect(guarded.removeAtOnce(KEY)).toBe(false)
    expect(disk.isLoose(KEY)).toBe(true)
  })

  test('from a file that is large, gone or a directory', async () => {
    const [large = ''] = contents(1, 70_000).map((content) => {
      writeFileSync(`${file}.large`, content)
      return keyOf(content)
    })
    expect(keys.storeAtOnce(large, `${file}.large`)).toBeUndefined()
    expect(keys.storeAtOnce(KEY, `${file}.gone`)).toBeUndefined()
    expect(keys.storeAtOnce(KEY, disk.root)).toBeUndefined()
    expect(keys.checkPresentAtOnce(KEY)).toBe(false)
  })

  test('in a file that has something already: the ordinary way goes on where it ends', async () => {
    await disk.addKey(CONTENT, { key: KEY })
    writeFileSync(`${file}.got`, CONTENT.subarray(0, 4))
    expect(keys.retrieveAtOnce(KEY, `${file}.got`)).toBe(false)
    expect(readFileSync(`${file}.got`)).toEqual(CONTENT.subarray(0, 4))
  })

  test('by a copy that has the right length and not the checksum, where we are to check', async () => {
    const bad = Buffer.from('the conten!')
    await disk.addKey(bad, { key: KEY })
    const checking = await used({ verify: true })
    expect(checking.retrieveAtOnce(KEY, `${file}.got`)).toBe(false)
    expect(existsSync(`${file}.got`)).toBe(false)
    const good = `MD5-s11--${createHash('md5').update(bad).digest('hex')}`
    await disk.addKey(bad, { key: good })
    expect(checking.retrieveAtOnce(good, `${file}.got`)).toBe(true)
  })
})
