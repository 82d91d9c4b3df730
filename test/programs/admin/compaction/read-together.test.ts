import { randomBytes } from 'node:crypto'
import { copyFile, open, rename } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { groupAdjacent, type MemberOfKey, readTogether } from '../../../../src/admin/compaction/read-together.ts'
import { verifyArchive } from '../../../../src/admin/compaction/verify.ts'
import { Archive } from '../../../../src/archive/archive.ts'
import type { Bytes } from '../../../../src/core/source.ts'
import { archivePath } from '../../../../src/ria/layout/paths.ts'
import { keyAtPlace } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import type { GetOptions, Store } from '../../../../src/store/store.ts'
import { type FaultPlan, withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { contents, type DatasetOnDisk, datasetOnDisk } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY } from '../../../support/stores/memory-dataset.ts'
import { withMethods, wrapped } from '../../../support/stores/stores.ts'

const PATH = archivePath(DIRECTORY)

let dataset: DatasetOnDisk
beforeEach(async () => {
  dataset = await datasetOnDisk()
})
afterEach(() => dataset.remove())

/** Packs keys with these contents; gives their members in the archive's order. */
async function packed(all: readonly (string | Uint8Array)[], level?: 1): Promise<MemberOfKey[]> {
  for (const content of all) await dataset.addKey(content)
  await compact(new StoredDataset(dataset.store, DIRECTORY), { level })
  return members()
}

async function members(): Promise<MemberOfKey[]> {
  const archive = await Archive.open(dataset.store, PATH)
  const found: MemberOfKey[] = []
  for await (const member of archive.members()) found.push({ member, key: keyAtPlace(member.name)?.key ?? '' })
  await archive.close()
  return found
}

async function groupsOf(items: readonly MemberOfKey[], bytes?: number): Promise<MemberOfKey[][]> {
  const groups: MemberOfKey[][] = []
  const given = async function* () {
    yield* items
  }
  for await (const group of groupAdjacent(given(), bytes)) groups.push(group)
  return groups
}

async function readAll(group: readonly MemberOfKey[], store: Store = dataset.store, signal?: AbortSignal) {
  const good: MemberOfKey[] = []
  const archive = await Archive.open(dataset.store, PATH)
  try {
    const call = { signal }
    const doubtful = await readTogether(store, PATH, archive, group, call, (item) => good.push(item))
    return { good, doubtful }
  } finally {
    await archive.close()
  }
}

/**
 * A store that says from where on it was asked to read; with faults, and with retries around it.
 */
function watched(plan: FaultPlan) {
  const starts: number[] = []
  const faulty = withFaults(dataset.store, plan)
  const get: Store['get'] = (path, consume, options: GetOptions = {}) => {
    const { range } = options
    starts.push((typeof range === 'function' ? range() : range)?.start ?? 0)
    return faulty.get(path, consume, options)
  }
  return { store: wrapped(withMethods(dataset.store, { get })), starts }
}

/** Inverts a byte of the archive's file. */
async function damage(position: number): Promise<void> {
  const file = await open(dataset.file('archives/archive.7z'), 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, position)
  byte.writeUInt8(byte.readUInt8() ^ 0xff)
  await file.write(byte, 0, 1, position)
  await file.close()
}

const positionOf = ({ member }: MemberOfKey) => (member.place.kind === 'copy' ? member.place.position : Number.NaN)
const at = (items: readonly MemberOfKey[], index: number) => items.at(index) as MemberOfKey

describe('members that lie one after another', () => {
  test('are one group, up to so many bytes', async () => {
    const items = await packed(contents(10, 1000))
    expect(await groupsOf(items)).toEqual([items])
    const groups = await groupsOf(items, 3500)
    expect(groups.map(({ length }) => length)).toEqual([3, 3, 3, 1])
    expect(groups.flat()).toEqual(items)
  })

  test('that are larger than a group come alone', async () => {
    const items = await packed(contents(3, 1000))
    expect(await groupsOf(items, 10)).toEqual(items.map((item) => [item]))
  })

  test('are no group with one that does not follow', async () => {
    const items = await packed(contents(5, 1000))
    const without = items.filter((_item, i) => i !== 2)
    expect(await groupsOf(without)).toEqual([items.slice(0, 2), items.slice(3)])
  })

  test('are no group with those that are empty, packed, or of a key without a checksum', async () => {
    await dataset.addKey('by its url', { key: 'URL--http&c%%example.com%file' })
    const items = await packed(['', ...contents(3)])
    const groups = await groupsOf(items)
    const together = groups.flatMap((group) => (group.length > 1 ? group : []))
    expect(together.every(({ key, member }) => key.startsWith('MD5E') && member.size > 0)).toBe(true)
    expect(groups.flat()).toHaveLength(5)
    expect(groups.filter(([first]) => first?.key.startsWith('URL') || first?.member.size === 0)).toHaveLength(2)
  })

  test('are no group with one that is copied and has no bytes', async () => {
    const [item] = await packed(contents(1))
    const { member, key } = item as MemberOfKey
    const empty = { member: { ...member, size: 0 }, key }
    expect(await groupsOf([empty, empty])).toEqual([[empty], [empty]])
  })

  test('and were compressed come one by one', async () => {
    const items = await packed(['a'.repeat(1000), 'b'.repeat(1000)], 1)
    expect(await groupsOf(items)).toEqual(items.map((item) => [item]))
  })
})

describe('reading a group', () => {
  test('takes one call and finds all good, in their order', async () => {
    const items = await packed(contents(20, 1000))
    const { store, starts } = watched([])
    expect(await readAll(items, store)).toEqual({ good: items, doubtful: [] })
    expect(starts).toEqual([positionOf(at(items, 0))])
  })

  test.each([1, 7, 1000, 4096])('finds the members apart in chunks of %i bytes', async (length) => {
    const items = await packed(contents(4, 1000))
    const get: Store['get'] = (path, consume, options) =>
      dataset.store.get(path, (bytes, stat) => consume(cut(bytes, length), stat), options)
    expect((await readAll(items, withMethods(dataset.store, { get }))).good).toEqual(items)
  })

  test.each([0, 2, 4])('does not tell of member %i when a byte of it is another', async (index) => {
    const items = await packed(contents(5, 1000))
    const { size } = at(items, index).member
    for (const offset of [0, size - 1]) {
      await damage(positionOf(at(items, index)) + offset)
      const { good, doubtful } = await readAll(items)
      expect(doubtful).toEqual([at(items, index)])
      expect(good).toEqual(items.filter((_item, i) => i !== index))
      await damage(positionOf(at(items, index)) + offset)
    }
  })

  test('does not tell of a member whose CRC in the archive is another', async () => {
    const items = await packed(contents(3))
    const { member, key } = at(items, 1)
    const wrong = { member: { ...member, crc: (member.crc ?? 0) ^ 1 }, key }
    const { doubtful } = await readAll([at(items, 0), wrong, at(items, 2)])
    expect(doubtful).toEqual([wrong])
  })

  test('goes on with the member at which it was interrupted', async () => {
    const items = await packed(contents(5, 1000))
    const third = positionOf(at(items, 2)) - positionOf(at(items, 0))
    const { store, starts } = watched([{ op: 'get', fail: 'transient', at: third + 10 }])
    expect(await readAll(items, store)).toEqual({ good: items, doubtful: [] })
    expect(starts).toEqual([positionOf(at(items, 0)), positionOf(at(items, 2))])
  })

  test('asks for no empty range when it was interrupted at the end', async () => {
    const items = await packed(contents(3, 1000))
    const whole = items.reduce((sum, { member }) => sum + member.size, 0)
    const { store, starts } = watched([{ op: 'get', fail: 'transient', at: whole }])
    expect(await readAll(items, store)).toEqual({ good: items, doubtful: [] })
    expect(starts).toEqual([positionOf(at(items, 0)), positionOf(at(items, 2))])
  })

  test('leaves those that do not come', async () => {
    const items = await packed(contents(5, 1000))
    const third = positionOf(at(items, 2)) - positionOf(at(items, 0))
    const { store } = watched([{ op: 'get', fail: 'corrupt', at: third + 10 }])
    expect(await readAll(items, store)).toEqual({ good: items.slice(0, 2), doubtful: items.slice(2) })
  })

  test('ends when it is aborted, and does not wait for a store that hangs', async () => {
    const items = await packed(contents(5, 1000))
    const stop = new AbortController()
    const { store } = watched([{ op: 'get', stall: true, at: 1500 }])
    const reading = readAll(items, store, stop.signal)
    setTimeout(() => stop.abort(), 50)
    await expect(reading).rejects.toMatchObject({ kind: 'aborted' })
  })

  test('fails when the archive is replaced', async () => {
    const items = await packed(contents(3))
    const file = dataset.file('archives/archive.7z')
    const archive = await Archive.open(dataset.store, PATH)
    await copyFile(file, `${file}.new`)
    await rename(`${file}.new`, file)
    const reading = readTogether(dataset.store, PATH, archive, items, {}, () => {})
    await expect(reading).rejects.toMatchObject({ kind: 'conflict' })
    await archive.close()
  })
})

describe('of many keys', () => {
  test('a compaction leaves those loose that lie damaged, and packs the others', async () => {
    const all = contents(30, 1000)
    for (const content of all) await dataset.addKey(content)
    const bad = [5, 6, 29].map((i) => `MD5E-s1000--${String(i).padStart(32, 'e')}.dat`)
    for (const key of bad) await dataset.addKey(randomBytes(1000), { key })
    const told: number[] = []
    const onProgress = ({ phase, done }: { phase: string; done: number }) =>
      void (phase === 'verifying' && told.push(done))
    const report = await compact(new StoredDataset(dataset.store, DIRECTORY), { onProgress })
    expect(report).toMatchObject({ packed: { keys: 30 }, left: { damaged: 3 } })
    expect(bad.filter((key) => !dataset.isLoose(key))).toEqual([])
    expect((await members()).map(({ key }) => key).sort()).not.toEqual(expect.arrayContaining(bad))
    expect(Math.max(...told)).toBe(33)
  })

  test('none is swapped in when one of them reads wrong from the new archive', async () => {
    const all = contents(30, 1000)
    const keys: string[] = []
    for (const content of all) keys.push(await dataset.addKey(content))
    // What is read of it from the new archive is wrong, the loose copy reads right.
    const get: Store['get'] = (path, consume, options) => {
      const spoil = path.includes('archives/riastore-')
      const content = all[17] as Buffer
      return dataset.store.get(path, (bytes, stat) => consume(spoil ? spoiled(bytes, content) : bytes, stat), options)
    }
    const store = withMethods(dataset.store, { get })
    await expect(compact(new StoredDataset(store, DIRECTORY))).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('it was packed, and what can be read from the new archive is not the same'),
    })
    expect(keys.filter((key) => !dataset.isLoose(key))).toEqual([])
    expect(await dataset.archives()).toEqual([])
  })

  test('a verification names those that are bad, and only those', async () => {
    const items = await packed(contents(30, 1000))
    for (const i of [3, 4, 29]) await damage(positionOf(at(items, i)) + 20)
    const told: number[] = []
    const report = await verifyArchive(new StoredDataset(dataset.store, DIRECTORY), {
      onProgress: ({ done }) => told.push(done),
    })
    const names = [3, 4, 29].map((i) => at(items, i).member.name)
    expect(report).toMatchObject({ members: 30, bytes: items.reduce((sum, { member }) => sum + member.size, 0) })
    expect(report?.bad.map(({ name }) => name).sort()).toEqual(names.sort())
    expect(report?.bad.every(({ reason }) => reason.includes('its checksum is wrong'))).toBe(true)
    expect(told).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })
})

async function* cut(bytes: Bytes, length: number): Bytes {
  for await (const chunk of bytes) {
    for (let i = 0; i < chunk.length; i += length) yield chunk.subarray(i, i + length)
  }
}

/** The same bytes, but for the last one of `content`. */
async function* spoiled(bytes: Bytes, content: Buffer): Bytes {
  for await (const chunk of bytes) {
    const copy = Buffer.from(chunk)
    const at = copy.indexOf(content)
    if (at >= 0) copy.writeUInt8((content.at(-1) ?? 0) ^ 1, at + content.length - 1)
    yield copy
  }
}
