import { constants, renameSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OpenWriters } from '../../../src/core/process/open-writers.ts'
import { KeyCache } from '../../../src/mount/cache/key-cache.ts'
import { OPCODE } from '../../../src/mount/fuse/opcodes.ts'
import { KeyFiles } from '../../../src/mount/key-files.ts'
import { isThere } from '../../../src/mount/stage/change-names.ts'
import { StageFolder } from '../../../src/mount/stage/stage-folder.ts'
import { WorkTree } from '../../../src/mount/stage/work-tree.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

const never = new AbortController().signal
const TOP = 1
const { O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants

let root: string
let work: string
/** Where content of the key would be in the clone. */
let object: string
let cache: KeyCache
let keys: KeyFiles
let tree: WorkTree
let folder: StageFolder

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'riastore-stage-'))
  work = join(root, 'work')
  object = join(root, KEY)
  await fs.mkdir(join(work, '.git'), { recursive: true })
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  cache = new KeyCache({ directory: join(root, 'cache'), limit: 1024 ** 3 })
  const dataset = new StoredDataset(store, DIRECTORY, ID)
  keys = await KeyFiles.open(dataset, { cache, indexDirectory: join(root, 'index'), signal: never })
  tree = new WorkTree({ directory: work, temporary: join(work, '.git/riastore-stage'), find: () => object, keys })
  folder = new StageFolder(tree, { uid: 7, gid: 8 }, new OpenWriters(join(work, '.git')))
  await fs.symlink(`.git/annex/objects/W8/p2/${KEY}/${KEY}`, join(work, 'annexed'))
})
afterEach(async () => {
  folder.close()
  await keys.close()
  cache.close()
  await fs.rm(root, { recursive: true })
})

const ask = (opcode: number, node: number, body: Buffer = Buffer.alloc(0)) =>
  folder.handle({ opcode, unique: 1n, node, body }, never)

function words(...numbers: (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(numbers.reduce<number>((all, each) => all + (typeof each === 'bigint' ? 8 : 4), 0))
  let at = 0
  for (const each of numbers)
    at = typeof each === 'bigint' ? bytes.writeBigUInt64LE(each, at) : bytes.writeUInt32LE(each, at)
  return bytes
}

const named = (numbers: Buffer, ...names: (string | Buffer)[]) =>
  Buffer.concat([numbers, ...names.flatMap((name) => [Buffer.from(name as string), Buffer.alloc(1)])])

const nodeOf = (entry: Buffer) => Number(entry.readBigUInt64LE(0))
const look = async (name: string | Buffer, parent = TOP) =>
  nodeOf(await ask(OPCODE.lookup, parent, named(words(), name)))
const open = async (node: number, flags: number) => (await ask(OPCODE.open, node, words(flags, 0))).readBigUInt64LE(0)
const readBody = (handle: bigint, offset = 0, size = 4096) => words(handle, BigInt(offset), size, 0, 0n, 0, 0)
const read = async (handle: bigint) => (await ask(OPCODE.read, TOP, readBody(handle))).toString()
const close = (handle: bigint) => ask(OPCODE.release, TOP, readBody(handle))
const put = (handle: bigint, text: string, offset = 0) =>
  ask(OPCODE.write, TOP, Buffer.concat([words(handle, BigInt(offset), text.length, 0, 0n, 0, 0), Buffer.from(text)]))
const rename = (name: string, toName: string, flags = 0) =>
  ask(OPCODE.rename2, TOP, named(words(BigInt(TOP), flags, 0), name, toName))
const sizeOf = (attributes: Buffer) => Number(attributes.readBigUInt64LE(16 + 8))
const errno = (number: number) => ({ errno: number })

test('who reads an annexed file reads what is written to it, as with every other file', async () => {
  const node = await look('annexed')
  const [reader, writer] = [await open(node, O_RDONLY), await open(node, O_RDWR)]
  await put(writer, 'THE')
  expect(await read(reader)).toBe('THE content of the key')
  await ask(OPCODE.setattr, node, Buffer.concat([words(8, 0, 0n, 3n), Buffer.alloc(64)]))
  expect(await read(reader)).toBe('THE')
  for (const handle of [reader, writer]) await close(handle)
  expect(await fs.readFile(join(work, 'annexed'), 'utf8')).toBe('THE')
})

test('many who begin to write to an annexed file at once have one file, and none is refused', async () => {
  const node = await look('annexed')
  const handles = await Promise.all(Array.from({ length: 20 }, () => open(node, O_RDWR)))
  for (const [i, handle] of handles.entries()) await put(handle, String.fromCharCode(97 + i), i)
  expect(await read(handles[0] ?? 0n)).toBe('abcdefghijklmnopqrstey') // 'abcdefghijklmnopqrst' and the old end
  // Who saw the file as annexed, and comes later.
  await tree.makeOwn({ path: 'annexed', isEmptied: true, onWhole: () => {} }, never)
  expect((await fs.readFile(join(work, 'annexed'), 'utf8')).slice(0, 3)).toBe('abc')
})

test('an annexed file that is read can be removed or replaced, and is read to its end', async () => {
  for (const end of ['removed', 'replaced']) {
    const node = await look('annexed')
    const handle = await open(node, O_RDONLY)
    await fs.writeFile(join(work, 'other'), 'another file')
    await look('other')
    await (end === 'removed' ? ask(OPCODE.unlink, TOP, named(words(), 'annexed')) : rename('other', 'annexed'))
    const attributes = await ask(OPCODE.getattr, node, words(1, 0, handle))
    expect([sizeOf(attributes), await read(handle)], end).toEqual([CONTENT.length, CONTENT.toString()])
    await close(handle)
    await expect(ask(OPCODE.getattr, node, words(0, 0, 0n))).rejects.toMatchObject(errno(2))
    if (end === 'removed') await fs.symlink(`.git/annex/objects/W8/p2/${KEY}/${KEY}`, join(work, 'annexed'))
  }
})

test('a file that was put beside the folder in the place of another is not taken for it', async () => {
  await fs.writeFile(join(work, 'file'), 'old')
  const node = await look('file')
  const handle = await open(node, O_RDONLY)
  await fs.writeFile(join(work, 'new'), 'new one')
  await fs.rename(join(work, 'new'), join(work, 'file'))
  // ESTALE has the kernel look again.
  await expect(open(node, O_RDONLY)).rejects.toMatchObject(errno(116))
  const now = await look('file')
  expect(now).not.toBe(node)
  expect([await read(handle), await read(await open(now, O_RDONLY))]).toEqual(['old', 'new one'])
})

test('nothing is replaced by a rename that must not replace, also where it cannot be seen whether there is something', async () => {
  for (const name of ['one', 'two']) await fs.writeFile(join(work, name), name)
  await expect(rename('one', 'two', 1)).rejects.toMatchObject(errno(17))
  await rename('one', 'three', 1)
  await expect(rename('two', 'three', 2)).rejects.toMatchObject(errno(22)) // RENAME_EXCHANGE
  expect(await Promise.all(['two', 'three'].map((name) => fs.readFile(join(work, name), 'utf8')))).toEqual([
    'two',
    'one',
  ])
  expect([await isThere(join(work, 'two')), await isThere(join(work, 'one'))]).toEqual([true, false])
  const failed = Object.assign(new Error('EIO'), { code: 'EIO' })
  await expect(isThere('whatever', () => Promise.reject(failed))).rejects.toBe(failed)
})

test('a file that has become whole is not put where it was just renamed from', async () => {
  let renamed: Promise<void> | undefined
  const onWhole = () => {
    renamed = tree.changeNames(async () => renameSync(join(work, 'annexed'), join(work, 'moved')))
  }
  await tree.makeOwn({ path: 'annexed', isEmptied: false, onWhole }, never)
  await renamed
  expect((await fs.readdir(work)).filter((name) => name !== '.git')).toEqual(['moved'])
  expect(await fs.readFile(join(work, 'moved'))).toEqual(CONTENT)
})

test('a file has times to the part of a second, and those of an annexed one can be set', async () => {
  const time = words(48, 0, 0n, 0n, 0n, 1_000_000_000n, 1_700_000_000n, 0n, 0, 250_000_000, 0, 0, 0, 0, 0, 0)
  for (const name of ['file', 'annexed']) {
    if (name === 'file') await fs.writeFile(join(work, name), '')
    const attributes = await ask(OPCODE.setattr, await look(name), time)
    expect([attributes.readBigInt64LE(16 + 32), attributes.readUInt32LE(16 + 52)], name).toEqual([
      1_700_000_000n,
      250_000_000,
    ])
  }
  expect((await fs.readlink(join(work, 'annexed'))).endsWith(KEY)).toBe(true)
})

test('the mode of an annexed file is as it is; what was a program is one after it was written to', async () => {
  const node = await look('annexed')
  const mode = (bits: number) => Buffer.concat([words(1, 0), Buffer.alloc(60), words(bits), Buffer.alloc(16)])
  await ask(OPCODE.setattr, node, mode(0o644))
  await expect(ask(OPCODE.setattr, node, mode(0o600))).rejects.toMatchObject(errno(1))
  await fs.writeFile(join(work, 'program'), `/annex/objects/${KEY}\n`, { mode: 0o755 })
  await close(await open(await look('program'), O_WRONLY))
  expect((await fs.stat(join(work, 'program'))).mode & 0o777).toBe(0o755)
  expect(await fs.readFile(join(work, 'program'))).toEqual(CONTENT)
})

test('content comes from the clone while it is there, and else from the store', async () => {
  await fs.writeFile(object, 'what the clone has')
  const node = await look('annexed')
  const here = await open(node, O_RDONLY)
  expect(await read(here)).toBe('what the clone has')
  await fs.rm(object)
  const there = await open(node, O_RDONLY)
  expect([await read(here), await read(there)]).toEqual(['what the clone has', CONTENT.toString()])
})

test('an annexed file that is emptied needs no content, and one that is written to has all of it', async () => {
  await close(await open(await look('annexed'), O_WRONLY | O_TRUNC))
  expect(await fs.readFile(join(work, 'annexed'), 'utf8')).toBe('')
  expect(await fs.readdir(join(work, '.git/riastore-stage'))).toEqual([])
})

test('there are no hard links, and a directory can be synced', async () => {
  await expect(ask(OPCODE.link, TOP, named(words(BigInt(await look('annexed'))), 'second'))).rejects.toMatchObject(
    errno(1),
  )
  const handle = (await ask(OPCODE.opendir, TOP, words(0, 0))).readBigUInt64LE(0)
  await ask(OPCODE.fsyncdir, TOP, words(handle, 0, 0))
})

test('what is of git is neither seen nor made', async () => {
  await expect(look('.git')).rejects.toMatchObject(errno(2))
  await fs.writeFile(join(work, 'file'), '')
  const body = (numbers: Buffer) => named(numbers, '.git')
  await expect(ask(OPCODE.mkdir, TOP, body(words(0o755, 0)))).rejects.toMatchObject(errno(13))
  await expect(ask(OPCODE.create, TOP, body(words(O_RDWR, 0o644, 0, 0)))).rejects.toMatchObject(errno(13))
  await expect(ask(OPCODE.unlink, TOP, body(words()))).rejects.toMatchObject(errno(13))
  await expect(ask(OPCODE.symlink, TOP, named(words(), '.git', 'file'))).rejects.toMatchObject(errno(13))
  await expect(rename('file', '.git')).rejects.toMatchObject(errno(13))
  await expect(rename('.git', 'git')).rejects.toMatchObject(errno(13))
})

test('names that are no text are names, and a long list is read in pieces', async () => {
  const name = Buffer.from([0x61, 0xff, 0x62])
  const created = await ask(OPCODE.create, TOP, named(words(O_RDWR, 0o644, 0, 0), name))
  await close(created.readBigUInt64LE(created.length - 16))
  expect(await look(name)).toBe(nodeOf(created))
  for (let i = 0; i < 50; i++) await fs.writeFile(join(work, `file-${i}`), '')
  const handle = (await ask(OPCODE.opendir, TOP, words(0, 0))).readBigUInt64LE(0)
  const names: string[] = []
  for (let offset = 0; ; ) {
    const answer = await ask(OPCODE.readdir, TOP, readBody(handle, offset, 300))
    if (answer.length === 0) break
    for (let at = 0; at < answer.length; ) {
      const length = answer.readUInt32LE(at + 16)
      offset = Number(answer.readBigUInt64LE(at + 8))
      names.push(answer.toString('latin1', at + 24, at + 24 + length))
      at += Math.ceil((24 + length) / 8) * 8
    }
  }
  expect(names.sort()).toEqual(
    ['.', '..', 'a\xffb', 'annexed', ...Array.from({ length: 50 }, (_, i) => `file-${i}`)].sort(),
  )
})
