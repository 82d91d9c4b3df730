import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { listArchived } from '../../../../src/admin/compaction/list.ts'
import { unarchive } from '../../../../src/admin/compaction/unarchive.ts'
import { verifyArchive } from '../../../../src/admin/compaction/verify.ts'
import { placesOf } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { makeArchive } from '../../../support/archives/real-archive.ts'
import { type DatasetOnDisk, datasetOnDisk, keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, dataset as openDataset } from '../../../support/stores/memory-dataset.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

const CONTENT = Buffer.from('what was packed by hand')
const KEY = keyOf(CONTENT)
const [PLACE = ''] = placesOf(KEY, '2')
const WINDOWS = PLACE.replaceAll('/', '\\')

let dataset: DatasetOnDisk
beforeEach(async () => {
  dataset = await datasetOnDisk()
})
afterEach(() => dataset.remove())

async function archive(files: Readonly<Record<string, Buffer>>): Promise<void> {
  const bytes = await makeArchive(new Map(Object.entries(files)), ['-mx0'])
  await writeFile(dataset.file('archives/archive.7z'), bytes)
}

async function isPresent(key: string): Promise<boolean> {
  const opened = openDataset(dataset.store)
  try {
    return await opened.checkPresent(key)
  } finally {
    await opened.close()
  }
}

/** What a client gets, checked against the key. */
async function retrieve(key: string): Promise<Buffer> {
  const opened = openDataset(dataset.store, { verify: true })
  const target = await temporaryDirectory()
  try {
    await opened.retrieve(key, `${target.path}/file`)
    return await readFile(`${target.path}/file`)
  } finally {
    await opened.close()
    await target.remove()
  }
}

describe('members that lie where no client looks', () => {
  test.each([
    ['one directory too high', `objects/${PLACE}`],
    ['one directory too low', PLACE.split('/').slice(1).join('/')],
    ['under other hash directories', `aB/Cd/${KEY}/${KEY}`],
    ['too high on Windows', `objects\\${WINDOWS}`],
  ])('are found by verify and named by list, packed %s', async (_how, name) => {
    await archive({ [name]: CONTENT, [placesOf(keyOf('good'), '2')[0] ?? '']: Buffer.from('good') })
    expect(await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      members: 2,
      bad: [],
      misplaced: [{ name, reason: 'no client looks for the key there' }],
    })
    const listed = []
    for await (const { name, key, misplaced } of listArchived(new StoredDataset(dataset.store, DIRECTORY))) {
      listed.push({ name, key, misplaced })
    }
    expect(listed).toContainEqual({ name, key: KEY, misplaced: true })
    expect(listed).toContainEqual(expect.objectContaining({ key: keyOf('good'), misplaced: false }))
    expect(await isPresent(KEY)).toBe(false)
  })

  test('are told apart from what is named as no key is', async () => {
    await archive({ README: Buffer.from('read me') })
    expect(await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      misplaced: [{ name: 'README', reason: 'it is not named as a key is' }],
    })
  })

  test('are checked all the same', async () => {
    const name = `objects/${PLACE}`
    await archive({ [name]: Buffer.from('something else') })
    expect(await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      bad: [{ name }],
      misplaced: [{ name }],
    })
  })

  test('are no reason to remove a loose key, and are carried along', async () => {
    const name = `annex/objects/${PLACE}`
    await archive({ [name]: CONTENT })
    await dataset.addKey(CONTENT)
    await compact(new StoredDataset(dataset.store, DIRECTORY))
    expect(await isPresent(KEY)).toBe(true)
    expect(await dataset.members()).toEqual(expect.arrayContaining([PLACE, name]))
  })

  test('are put where clients look by unarchive', async () => {
    await archive({ [`annex/objects/${PLACE}`]: CONTENT })
    expect(await unarchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      unpacked: { keys: 1 },
      problems: [],
    })
    expect(await readFile(dataset.looseFile(KEY))).toEqual(CONTENT)
    expect(await dataset.archives()).toEqual([])
  })

  test('without a checksum stay in the archive, which unarchive says', async () => {
    const name = 'objects/x/y/WORM-s3--a/WORM-s3--a'
    await archive({ [name]: Buffer.from('abc') })
    const report = await unarchive(new StoredDataset(dataset.store, DIRECTORY))
    expect(report?.problems).toEqual([expect.stringContaining(name)])
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })
})

describe('an archive of Windows, with \\ between directories', () => {
  test('is read: its keys are present, retrieved, listed and verified', async () => {
    await archive({ [WINDOWS]: CONTENT })
    expect(await isPresent(KEY)).toBe(true)
    expect(await isPresent(keyOf('another'))).toBe(false)
    expect(await retrieve(KEY)).toEqual(CONTENT)
    expect(await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      members: 1,
      bad: [],
      misplaced: [],
    })
    for await (const member of listArchived(new StoredDataset(dataset.store, DIRECTORY))) {
      expect(member).toMatchObject({ key: KEY, name: WINDOWS, misplaced: false })
    }
  })

  test('is unpacked, and its keys are loose where they belong', async () => {
    await archive({ [WINDOWS]: CONTENT })
    expect(await unarchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      unpacked: { keys: 1 },
      problems: [],
    })
    expect(await readFile(dataset.looseFile(KEY))).toEqual(CONTENT)
  })

  test('is added to, and every key stays', async () => {
    await archive({ [WINDOWS]: CONTENT })
    const other = await dataset.addKey('another')
    await compact(new StoredDataset(dataset.store, DIRECTORY))
    expect(await isPresent(KEY)).toBe(true)
    expect(await isPresent(other)).toBe(true)
    expect(dataset.isLoose(other)).toBe(false)
    expect(await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      members: 2,
      bad: [],
      misplaced: [],
    })
  })

  test('keeps a dropped key dropped', async () => {
    await archive({ [WINDOWS]: CONTENT })
    const opened = openDataset(dataset.store)
    await opened.remove(KEY)
    await opened.close()
    expect(await isPresent(KEY)).toBe(false)
    await dataset.addKey('another')
    await compact(new StoredDataset(dataset.store, DIRECTORY))
    expect(await isPresent(KEY)).toBe(false)
  })

  test('with a damaged copy gets a good one beside it, which clients find', async () => {
    const damaged = Buffer.from(CONTENT)
    damaged.writeUInt8(damaged.readUInt8(3) ^ 1, 3)
    await archive({ [WINDOWS]: damaged })
    await dataset.addKey(CONTENT)
    await compact(new StoredDataset(dataset.store, DIRECTORY))
    expect(dataset.isLoose(KEY)).toBe(false)
    expect(await dataset.extract(KEY)).toEqual(CONTENT)
    const report = await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))
    expect(report?.bad.map(({ name }) => name)).toEqual([WINDOWS])
    expect(await retrieve(KEY)).toEqual(CONTENT)
  })
})

test('a loose key stays when the copy that clients would get from the archive is the damaged one of two', async () => {
  const [first = '', second = ''] = [PLACE, placesOf(KEY, '1')[0] ?? '']
  const damaged = Buffer.from(CONTENT)
  damaged.writeUInt8(damaged.readUInt8(3) ^ 1, 3)
  await archive({ [first]: damaged, [second]: CONTENT })
  await dataset.addKey(CONTENT)
  await compact(new StoredDataset(dataset.store, DIRECTORY))
  expect(await retrieve(KEY)).toEqual(CONTENT)
})
