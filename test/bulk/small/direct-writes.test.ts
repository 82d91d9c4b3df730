import { hash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkedKey } from '../../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { DirectWrites } from '../../../src/bulk/small/direct-writes.ts'
import { datasetDirectory, keyPaths, transferDirectory } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const UUID = '0a1b'
const directory = datasetDirectory('0123456789')
const content = Buffer.from('the content of a key')
const key = `MD5-s${content.length}--${hash('md5', content, 'hex')}`
const [path = ''] = keyPaths(directory, '2', key)

let root: { path: string; remove: () => Promise<void> }
let object: string
let writes: DirectWrites
/** Whether the key was seen at each sync of the file system. */
let seen: boolean[]
const sync = async () => {
  seen.push(existsSync(join(root.path, path)))
}
beforeEach(async () => {
  seen = []
  root = await temporaryDirectory()
  object = join(root.path, 'object')
  writeFileSync(object, content)
  for (const made of [transferDirectory(directory, UUID), `${directory}/annex/objects`])
    mkdirSync(join(root.path, made), { recursive: true })
  const opened = await openWrites()
  if (opened === undefined) throw new Error('this test needs Linux, and a disk')
  writes = opened
})
afterEach(async () => {
  await writes.close()
  await root.remove()
})

function openWrites(syncing = sync, appendOnly = false): Promise<DirectWrites | undefined> {
  const store = openLocalStore({ root: root.path })
  const dataset = { stored: new StoredDataset(store, directory) }
  const layout = { dataset: { version: '2', flags: '' }, appendOnly }
  const remote = { store, directory, layout, dataset, remote: { uuid: UUID } }
  return DirectWrites.for(remote as unknown as OpenRemote, {}, syncing)
}

function write(text = key): boolean {
  const checked = checkedKey(text)
  return checked !== undefined && writes.write(0, checked, object)
}

async function place(): Promise<number[]> {
  const placed: number[] = []
  await writes.place((number) => placed.push(number), undefined)
  return placed
}

const uploads = () => readdirSync(join(root.path, transferDirectory(directory, UUID)))

test('an append-only store, in which nothing is replaced, is asked for each key', async () => {
  expect(await openWrites(sync, true)).toBeUndefined()
})

test('a key is on the disk before it is seen, and its name is before it is told; it is read-only', async () => {
  expect(write()).toBe(true)
  expect(existsSync(join(root.path, path))).toBe(false)
  expect(uploads()).toHaveLength(1)
  expect(await place()).toEqual([0])
  expect(seen).toEqual([false, true])
  expect(readFileSync(join(root.path, path))).toEqual(content)
  expect(statSync(join(root.path, path)).mode & 0o777).toBe(0o444 & ~process.umask())
  expect(uploads()).toEqual([])
})

test('what is not what its key says is left to the store, and nothing is written', async () => {
  writeFileSync(object, 'another content here')
  expect(write()).toBe(false)
  writeFileSync(object, Buffer.concat([content, content]))
  expect(write()).toBe(false)
  expect(uploads()).toEqual([])
  expect(await place()).toEqual([])
})

test('a damaged copy that is there is replaced', async () => {
  mkdirSync(dirname(join(root.path, path)), { recursive: true })
  writeFileSync(join(root.path, path), 'damaged')
  expect(write()).toBe(true)
  expect(await place()).toEqual([0])
  expect(readFileSync(join(root.path, path))).toEqual(content)
})

test.each([
  ['the first hash directory', 3],
  ['the second hash directory', 2],
  ["the key's directory", 1],
])('a link in the place of %s is not followed: the key is left to the store', async (_what, levels) => {
  const elsewhere = join(root.path, 'elsewhere')
  mkdirSync(elsewhere)
  const linked = path.split('/').slice(0, -levels).join('/')
  mkdirSync(dirname(join(root.path, linked)), { recursive: true })
  symlinkSync(elsewhere, join(root.path, linked))
  expect(write()).toBe(true)
  expect(await place()).toEqual([])
  expect(readdirSync(elsewhere)).toEqual([])
  expect(uploads()).toEqual([])
})

test('what the disk does not take is not seen, or not told', async () => {
  const failing = new Error('the disk is broken')
  for (const times of [1, 2]) {
    await writes.close()
    const left = { syncs: times }
    const opened = await openWrites(async () => {
      left.syncs -= 1
      if (left.syncs === 0) throw failing
    })
    writes = opened as DirectWrites
    expect(write()).toBe(true)
    const placed: number[] = []
    await expect(writes.place((number) => placed.push(number), undefined)).rejects.toBe(failing)
    expect(placed).toEqual([])
    expect(existsSync(join(root.path, path))).toBe(times === 2)
  }
})

test('in a dataset that was put elsewhere meanwhile nothing is told to be stored', async () => {
  expect(write()).toBe(true)
  renameSync(join(root.path, directory), join(root.path, 'elsewhere'))
  expect(await place()).toEqual([])
  expect(existsSync(join(root.path, directory))).toBe(false)
})

test('two at once both have a key safe, whole at each moment, and leave nothing else', async () => {
  const other = (await openWrites()) as DirectWrites
  try {
    const checked = checkedKey(key)
    expect([write(), checked !== undefined && other.write(7, checked, object)]).toEqual([true, true])
    expect(uploads()).toHaveLength(2)
    expect(await place()).toEqual([0])
    const { ino } = statSync(join(root.path, path))
    expect(readFileSync(join(root.path, path))).toEqual(content)
    const placed: number[] = []
    await other.place((number) => placed.push(number), undefined)
    expect(placed).toEqual([7])
    // A whole file took the place of a whole file.
    expect(statSync(join(root.path, path)).ino).not.toBe(ino)
    expect(readFileSync(join(root.path, path))).toEqual(content)
    expect(uploads()).toEqual([])
  } finally {
    await other.close()
  }
})

test('what was written and not placed is removed at the end', async () => {
  expect(write()).toBe(true)
  await writes.close()
  expect(uploads()).toEqual([])
  writes = (await openWrites()) as DirectWrites
})
