import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { verifyArchive } from '../../../../src/admin/compaction/verify.ts'
import { giveBack } from '../../../../src/admin/holes/give-back.ts'
import { takeLock } from '../../../../src/admin/lock/lock.ts'
import type { Level } from '../../../../src/archive/seven-zip/seven-zip.ts'
import { placesOf, punchedPath } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../../src/store/store.ts'
import { type DatasetOnDisk, datasetOnDisk } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY } from '../../../support/stores/memory-dataset.ts'
import { withMethods } from '../../../support/stores/stores.ts'

const KEY_BYTES = 200_000

let dataset: DatasetOnDisk
afterEach(() => dataset?.remove())

const stored = (store: Store = dataset.store) => new StoredDataset(store, DIRECTORY)
const archive = () => dataset.file('archives/archive.7z')
const memberOf = (key: string) => placesOf(key, '2')[0] ?? ''

/** Keys of a dataset's archive, and their contents. */
async function archived(count: number, level: Level = 0): Promise<{ keys: string[]; contents: Buffer[] }> {
  dataset = await datasetOnDisk()
  const contents = Array.from({ length: count }, () => randomBytes(KEY_BYTES))
  const keys: string[] = []
  for (const content of contents) keys.push(await dataset.addKey(content))
  await compact(stored(), { level })
  return { keys, contents }
}

async function drop(...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await mkdir(dirname(dataset.tombstone(key)), { recursive: true })
    await writeFile(dataset.tombstone(key), '')
  }
}

const taken = async () => (await stat(archive())).blocks * 512

describe('dropped keys give their space back in place', () => {
  test.each([0, 5] as const)('and every other key stays as it is (level %i)', async (level) => {
    const { keys, contents } = await archived(6, level)
    const gone = [keys[1], keys[2], keys[5]].filter((key) => key !== undefined)
    await drop(...gone)
    const [before, size] = [await taken(), (await stat(archive())).size]
    const { bytes, freed } = await giveBack(stored())
    expect(bytes).toBeGreaterThan(3 * KEY_BYTES - 3 * 8192)
    expect(freed).toBe(before - (await taken()))
    expect(freed).toBeGreaterThan(3 * KEY_BYTES - 6 * 8192)
    expect((await stat(archive())).size).toBe(size)
    for (const [i, key] of keys.entries()) {
      if (!gone.includes(key)) expect((await dataset.extract(key)).equals(contents[i] as Buffer)).toBe(true)
    }
    expect(await dataset.dropped()).toHaveLength(3) // until the members are gone, too
    expect(await verifyArchive(stored())).toMatchObject({ members: 3, bad: [], misplaced: [] })
    expect((await giveBack(stored())).freed).toBe(0)
    await compact(stored())
    expect(await dataset.members()).toEqual(
      keys
        .filter((key) => !gone.includes(key))
        .map(memberOf)
        .sort(),
    )
    expect(await dataset.archives()).toEqual(['archive.7z'])
    expect(await verifyArchive(stored())).toMatchObject({ members: 3, bad: [] })
  })

  test('nothing is changed by a look', async () => {
    const { keys } = await archived(2)
    await drop(...keys.slice(0, 1))
    const before = await readFile(archive())
    expect(await giveBack(stored(), { dryRun: true })).toMatchObject({ freed: 0 })
    expect((await readFile(archive())).equals(before)).toBe(true)
    expect(await dataset.archives()).toEqual(['archive.7z', 'dropped'])
  })

  test('but not one that lies loose as well: it is being stored again', async () => {
    const { keys, contents } = await archived(2)
    await drop(...keys)
    await dataset.addKey(contents[0] as Buffer)
    await giveBack(stored())
    expect((await dataset.extract(keys[0] ?? '')).equals(contents[0] as Buffer)).toBe(true)
  })

  test('nor from an archive that has a second name', async () => {
    const { keys } = await archived(2)
    await drop(...keys)
    await link(archive(), dataset.file('snapshot.7z'))
    const before = await readFile(archive())
    await expect(giveBack(stored())).rejects.toMatchObject({ kind: 'unsupported' })
    expect((await readFile(archive())).equals(before)).toBe(true)
  })

  test('nor from one that took its place at the last moment', async () => {
    const { keys } = await archived(2)
    await drop(...keys)
    const other = Buffer.concat([await readFile(archive()), Buffer.from('x')])
    const exec: Store['exec'] = async (command, options) => {
      if (options.input !== undefined) await writeFile(archive(), other)
      return dataset.store.exec(command, options)
    }
    await expect(giveBack(stored(withMethods(dataset.store, { exec })))).rejects.toMatchObject({ kind: 'conflict' })
    expect((await readFile(archive())).equals(other)).toBe(true)
  })

  test('nor in an append-only store', async () => {
    const { keys } = await archived(1)
    await drop(...keys)
    await writeFile(`${dataset.root}/ria-layout-version`, '1|a\n')
    await expect(giveBack(stored())).rejects.toMatchObject({ kind: 'denied' })
  })
})

describe('a run whose lock is taken away', () => {
  /** The store of a run that is held up where it calls a program, once `now` says so. */
  const heldUp = (now: (input: Uint8Array | undefined) => boolean, meanwhile: () => Promise<unknown>) =>
    withMethods(dataset.store, {
      exec: async (command, options) => {
        if (now(options.input)) await meanwhile()
        return dataset.store.exec(command, options)
      },
    })

  test('makes no hole', async () => {
    const { keys } = await archived(2)
    await drop(...keys)
    const before = await readFile(archive())
    const taken = () => takeLock(stored(), { breakLock: true })
    const store = heldUp((input) => input === undefined, taken)
    await expect(giveBack(stored(store))).rejects.toMatchObject({ kind: 'conflict' })
    expect((await readFile(archive())).equals(before)).toBe(true)
  })

  test('after its last look takes nothing that was stored and packed again meanwhile', async () => {
    const { keys, contents } = await archived(2)
    await drop(...keys.slice(0, 1))
    const packAgain = async () => {
      await dataset.addKey(contents[0] as Buffer)
      await rm(dataset.tombstone(keys[0] ?? ''))
      await compact(stored(), { breakLock: true })
      expect(dataset.isLoose(keys[0] ?? '')).toBe(false)
    }
    const store = heldUp((input) => input !== undefined, packAgain)
    await expect(giveBack(stored(store))).rejects.toMatchObject({ kind: 'conflict' })
    for (const [i, key] of keys.entries()) expect((await dataset.extract(key)).equals(contents[i] as Buffer)).toBe(true)
  })
})

test('a run whose lock is taken away when it has put another archive in place leaves the mark of holes', async () => {
  const { keys } = await archived(3)
  await drop(...keys.slice(0, 1))
  await giveBack(stored())
  const look: Store['stat'] = async (path, options) => {
    if (path === punchedPath(DIRECTORY)) await takeLock(stored(), { breakLock: true })
    return dataset.store.stat(path, options)
  }
  await expect(compact(stored(withMethods(dataset.store, { stat: look })))).rejects.toMatchObject({ kind: 'conflict' })
  expect(await dataset.archives()).toContain('punched')
})

describe('a run that has no room for another archive', () => {
  const poor = () => withMethods(dataset.store, { freeBytes: async () => 50_000 })

  test('gives dropped keys back, and has nothing else to do', async () => {
    const { keys } = await archived(3)
    await drop(...keys.slice(0, 2))
    const report = await compact(stored(poor()))
    expect(report).toMatchObject({ purged: 0, packed: { keys: 0 } })
    expect(report.gaveBack).toBeGreaterThan(2 * KEY_BYTES - 3 * 8192)
    expect(await dataset.dropped()).toHaveLength(2)
    expect(await dataset.members()).toHaveLength(3)
    expect(await compact(stored(poor()))).toMatchObject({ gaveBack: 0, problems: [] })
  })

  test('says that it is full when there are keys to be packed that find no room', async () => {
    const { keys } = await archived(2)
    await drop(...keys.slice(0, 1))
    const loose = await dataset.addKey('another one')
    await expect(compact(stored(poor()))).rejects.toMatchObject({ kind: 'full' })
    expect(dataset.isLoose(loose)).toBe(true)
    expect(await taken()).toBeLessThan(1.2 * KEY_BYTES)
  })
})
