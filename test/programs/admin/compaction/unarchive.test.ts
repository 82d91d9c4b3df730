import { randomBytes } from 'node:crypto'
import { readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { listArchived } from '../../../../src/admin/compaction/list.ts'
import { type UnarchiveOptions, unarchive } from '../../../../src/admin/compaction/unarchive.ts'
import { verifyArchive } from '../../../../src/admin/compaction/verify.ts'
import type { Level } from '../../../../src/archive/seven-zip/seven-zip.ts'
import { placesOf } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../../src/store/store.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { runOk } from '../../../support/programs/run.ts'
import { contents, type DatasetOnDisk, datasetOnDisk } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, memoryStore } from '../../../support/stores/memory-dataset.ts'
import { withMethods } from '../../../support/stores/stores.ts'

let dataset: DatasetOnDisk
afterEach(() => dataset?.remove())

const unpack = (options: UnarchiveOptions = {}, store: Store = dataset.store) =>
  unarchive(new StoredDataset(store, DIRECTORY), options)

/** A dataset with these keys in its archive. */
async function archived(all: readonly (string | Uint8Array)[], level: Level = 0): Promise<string[]> {
  dataset = await datasetOnDisk()
  const keys: string[] = []
  for (const content of all) keys.push(await dataset.addKey(content))
  await compact(new StoredDataset(dataset.store, DIRECTORY), { level })
  return keys
}

async function drop(key: string): Promise<void> {
  await dataset.store.put(`${DIRECTORY}/archives/dropped/${key}`, { size: 0, async *open() {} })
}

async function damage(content: string): Promise<void> {
  const archive = dataset.file('archives/archive.7z')
  const bytes = await readFile(archive)
  const at = bytes.indexOf(content)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  await writeFile(archive, bytes)
}

describe('unarchive', () => {
  test.each([0, 5] as const)('makes every key loose again and removes the archive (level %i)', async (level) => {
    const all = [...contents(20), Buffer.alloc(0), randomBytes(3_000_000)]
    const keys = await archived(all, level)
    const report = await unpack()
    expect(report).toMatchObject({ unpacked: { keys: 22 }, dropped: 0, problems: [] })
    expect(report?.after).toMatchObject({ looseKeys: 22, archivedKeys: 0, archiveBytes: 0 })
    for (const [i, key] of keys.entries()) {
      expect((await readFile(dataset.looseFile(key))).equals(all[i] as Buffer)).toBe(true)
    }
    expect(await dataset.archives()).toEqual([])
    expect(await unpack()).toBeUndefined()
  })

  test('lists the loose keys once, and tells what they take up afterwards', async () => {
    await archived(contents(20))
    await dataset.addKey('loose all the time')
    const store = withFaults(dataset.store, [])
    const report = await unpack({}, store)
    const objects = `${DIRECTORY}/annex/objects`
    expect(store.calls.filter(({ op, path }) => op === 'list' && path === objects)).toHaveLength(1)
    const found = await readdir(dataset.file('annex/objects'), { recursive: true, withFileTypes: true })
    const files = found.filter((entry) => entry.isFile())
    const sizes = await Promise.all(files.map((file) => stat(join(file.parentPath, file.name))))
    const looseBytes = sizes.reduce((sum, { size }) => sum + size, 0)
    expect(report?.after).toMatchObject({ looseKeys: 21, looseBytes, inodes: found.length })
  })

  test('tells what is there when it replaced a damaged loose copy', async () => {
    const [key = ''] = await archived(['the content', 'other'])
    await dataset.addKey('damaged, and longer', { key })
    const report = await unpack()
    expect(report).toMatchObject({ unpacked: { keys: 2 }, after: { looseKeys: 2, looseBytes: 16 } })
    expect(report?.after.inodes).toBe((await readdir(dataset.file('annex/objects'), { recursive: true })).length)
  })

  test('tidies up after a run that was killed when it had just removed the archive', async () => {
    dataset = await datasetOnDisk()
    const { host, pid } = { host: hostname(), pid: 2 ** 22 + 1 } // more than Linux gives
    const pidNamespace = await readlink('/proc/self/ns/pid').catch(() => undefined)
    await writeFile(dataset.file('archives/lock'), JSON.stringify({ host, pid, pidNamespace, token: 'x' }))
    await writeFile(dataset.file('archives/riastore-1-0123456789ab-1.tmp'), '')
    await drop('MD5E-s1--0cc175b9c0f1b6a831c399e269772661')
    expect(await unpack({ dryRun: true })).toBeUndefined()
    expect(await dataset.archives()).toHaveLength(3)
    expect(await unpack()).toBeUndefined()
    expect(await dataset.archives()).toEqual([])
  })

  test('leaves dropped keys out, and their tombstones go', async () => {
    const [gone = '', kept = ''] = await archived(contents(2))
    await drop(gone)
    expect(await unpack()).toMatchObject({ unpacked: { keys: 1 }, dropped: 1 })
    expect([dataset.isLoose(gone), dataset.isLoose(kept)]).toEqual([false, true])
    expect(await dataset.archives()).toEqual([])
  })

  test('does not write a key that is loose, unless that copy is damaged', async () => {
    const [good = '', bad = ''] = await archived(['good content', 'other content'])
    await dataset.addKey('good content')
    await dataset.addKey('Other content', { key: bad })
    expect(await unpack()).toMatchObject({ unpacked: { keys: 1 } })
    expect((await readFile(dataset.looseFile(good))).toString()).toBe('good content')
    expect((await readFile(dataset.looseFile(bad))).toString()).toBe('other content')
  })

  test('keeps the archive when a member is damaged, and says which', async () => {
    const [good = '', bad = ''] = await archived(['good content', 'bad content'])
    await damage('bad content')
    const report = await unpack()
    expect(report?.problems).toEqual([expect.stringContaining(bad)])
    expect(report?.unpacked).toEqual({ keys: 1, bytes: 'good content'.length })
    expect([dataset.isLoose(good), dataset.isLoose(bad)]).toEqual([true, false])
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })

  test('keeps the archive when it holds what is no key', async () => {
    await archived(contents(1))
    await writeFile(dataset.file('readme.txt'), 'hello')
    await runOk('7z', ['a', 'archives/archive.7z', 'readme.txt'], { cwd: dataset.file('.') })
    const report = await unpack()
    expect(report?.problems).toEqual([expect.stringContaining('readme.txt')])
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })

  test('a key that is dropped while it is unpacked is absent after it', async () => {
    const [gone = '', kept = ''] = await archived(contents(2))
    const place = `${DIRECTORY}/annex/objects/${placesOf(gone, '2')[0]}`
    const put: Store['put'] = async (path, source, options) => {
      const stat = await dataset.store.put(path, source, options)
      if (path === place) await drop(gone)
      return stat
    }
    const report = await unpack({}, withMethods(dataset.store, { put }))
    expect([dataset.isLoose(gone), dataset.isLoose(kept)]).toEqual([false, true])
    expect(report?.after.looseKeys).toBe(1)
  })

  test('a key that is dropped, and stored anew, while it is unpacked is present after it', async () => {
    const [key = ''] = await archived(['content', 'other'])
    const place = `${DIRECTORY}/annex/objects/${placesOf(key, '2')[0]}`
    const put: Store['put'] = async (path, source, options) => {
      const stat = await dataset.store.put(path, source, options)
      if (path === place) {
        await drop(key)
        await rm(dataset.looseFile(key))
        await dataset.addKey('content')
      }
      return stat
    }
    await unpack({}, withMethods(dataset.store, { put }))
    expect(dataset.isLoose(key)).toBe(true)
  })

  test.each(['put', 'remove', 'move'] as const)(
    'loses nothing when %s fails, and the next one finishes',
    async (op) => {
      const all = contents(10)
      const keys = await archived(all)
      const faulty = withFaults(dataset.store, [{ op, fail: 'unreachable', nth: op === 'put' ? 5 : 1 }] as never)
      await unpack({}, faulty).catch(() => {})
      const names = await dataset.members()
      for (const key of keys) expect(dataset.isLoose(key) || names.includes(placesOf(key, '2')[0] ?? '')).toBe(true)
      await unpack()
      for (const [i, key] of keys.entries()) {
        expect((await readFile(dataset.looseFile(key))).equals(all[i] as Buffer)).toBe(true)
      }
      expect(await dataset.archives()).toEqual([])
    },
  )

  test('goes on after a read that broke off half-way', async () => {
    const content = randomBytes(2_000_000)
    const [key = ''] = await archived([content])
    let broken = 0
    const get: Store['get'] = (path, consume, options) => {
      if (!path.endsWith('archive.7z') || broken++ !== 2) return dataset.store.get(path, consume, options)
      const begin = typeof options?.range === 'function' ? options.range() : options?.range
      const half = { start: begin?.start ?? 0, end: (begin?.start ?? 0) + 700_000 }
      // As a wrapper that tries again does it: the consumer sees a failure, and then the rest.
      return dataset.store
        .get(path, (bytes, stat) => consume(breakingOff(bytes), stat), { ...options, range: half })
        .catch(() => dataset.store.get(path, consume, options))
    }
    expect(await unpack({}, withMethods(dataset.store, { get }))).toMatchObject({ unpacked: { keys: 1 }, problems: [] })
    expect(broken).toBeGreaterThan(2)
    expect((await readFile(dataset.looseFile(key))).equals(content)).toBe(true)
  })

  test('needs room for all of it before it writes anything', async () => {
    const [key = ''] = await archived([randomBytes(100_000)])
    const poor = withMethods(dataset.store, { freeBytes: async () => 50_000 })
    await expect(unpack({}, poor)).rejects.toMatchObject({ kind: 'full' })
    expect(dataset.isLoose(key)).toBe(false)
  })

  test('a dry run changes nothing', async () => {
    const [key = ''] = await archived(contents(3))
    expect(await unpack({ dryRun: true })).toMatchObject({ unpacked: { keys: 3 }, dryRun: true })
    expect(dataset.isLoose(key)).toBe(false)
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })
})

describe('looking without changing', () => {
  test('list names keys and sizes, and says which were dropped', async () => {
    const keys = await archived(['one', 'three'])
    await drop(keys[1] ?? '')
    const found = []
    for await (const { key, size, dropped } of listArchived(new StoredDataset(dataset.store, DIRECTORY)))
      found.push({ key, size, dropped })
    expect(found).toHaveLength(2)
    expect(found).toContainEqual({ key: keys[0], size: 3, dropped: false })
    expect(found).toContainEqual({ key: keys[1], size: 5, dropped: true })
  })

  test('verify finds the damaged member, by CRC or by the key', async () => {
    const [, bad = ''] = await archived(['good content', 'bad content'])
    expect(await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
      members: 2,
      bytes: 23,
      bad: [],
    })
    await damage('bad content')
    const report = await verifyArchive(new StoredDataset(dataset.store, DIRECTORY))
    expect(report?.bad).toEqual([{ name: placesOf(bad, '2')[0], reason: expect.stringContaining('checksum') }])
    await dataset.remove()

    dataset = await datasetOnDisk()
    const wrong = await dataset.addKey('right content', { key: bad })
    await runOk('7z', ['a', '../../archives/archive.7z', placesOf(wrong, '2')[0] ?? ''], {
      cwd: dataset.file('annex/objects'),
    })
    expect((await verifyArchive(new StoredDataset(dataset.store, DIRECTORY)))?.bad).toHaveLength(1)
  })

  test('a dataset without an archive has none; one that is not there is an error', async () => {
    const store = await memoryStore()
    expect(await verifyArchive(new StoredDataset(store, DIRECTORY))).toBeUndefined()
    expect(await listArchived(new StoredDataset(store, DIRECTORY)).next()).toMatchObject({ done: true })
    await expect(verifyArchive(new StoredDataset(store, 'abc/def'))).rejects.toMatchObject({ kind: 'missing' })
    await expect(listArchived(new StoredDataset(store, 'abc/def')).next()).rejects.toMatchObject({ kind: 'missing' })
  })
})

async function* breakingOff(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of bytes) {
    yield chunk
    throw new Error('broken off')
  }
}
