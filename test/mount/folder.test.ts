import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KeyCache } from '../../src/mount/cache/key-cache.ts'
import { DatasetFolder } from '../../src/mount/dataset-folder.ts'
import { Folder } from '../../src/mount/folder.ts'
import { OPCODE } from '../../src/mount/fuse/opcodes.ts'
import { StoreFolder } from '../../src/mount/store-folder.ts'
import { type Found, Tree } from '../../src/mount/tree.ts'
import { StoredDataset } from '../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../src/store/store.ts'
import { annexLink, annexPointer, commitFiles } from '../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../support/stores/memory-dataset.ts'
import { write } from '../support/stores/stores.ts'

const never = new AbortController().signal

let store: Store
let directory: string
let cache: KeyCache

beforeEach(async () => {
  store = await memoryStore()
  directory = mkdtempSync(join(tmpdir(), 'riastore-mount-'))
  cache = new KeyCache({ directory: join(directory, 'cache'), limit: 1024 ** 3 })
})
afterEach(() => {
  cache.close()
  rmSync(directory, { recursive: true, force: true })
})

/** The kernel, as far as it asks. */
class Kernel {
  readonly #folder: Folder
  constructor(top: Found) {
    this.#folder = new Folder(new Tree(top), { uid: 7, gid: 8 })
  }

  ask(opcode: number, node: number, body: Buffer = Buffer.alloc(0)): Promise<Buffer> {
    return this.#folder.handle({ opcode, unique: 1n, node, body }, never)
  }

  async find(path: string): Promise<{ node: number; size: number; mode: string; uid: number } | undefined> {
    let answer: Buffer = Buffer.alloc(0)
    let node = 1
    for (const name of path.split('/')) {
      answer = await this.ask(OPCODE.lookup, node, Buffer.from(`${name}\0`))
      node = Number(answer.readBigUInt64LE(0))
      if (node === 0) return undefined
    }
    return {
      node,
      size: Number(answer.readBigUInt64LE(48)),
      mode: answer.readUInt32LE(100).toString(8),
      uid: answer.readUInt32LE(108),
    }
  }

  async names(path: string, size = 4096): Promise<string[]> {
    const node = path === '' ? 1 : ((await this.find(path))?.node ?? 0)
    const names: string[] = []
    for (let offset = 0; ; ) {
      const answer = await this.ask(OPCODE.readdir, node, readBody(0n, offset, size))
      if (answer.length === 0) return names
      for (let at = 0; at < answer.length; ) {
        const length = answer.readUInt32LE(at + 16)
        offset = Number(answer.readBigUInt64LE(at + 8))
        names.push(answer.toString('utf8', at + 24, at + 24 + length))
        at += Math.ceil((24 + length) / 8) * 8
      }
    }
  }

  async read(path: string, offset = 0, size = 4096): Promise<string> {
    const { node } = (await this.find(path)) ?? expect.fail(path)
    const handle = (await this.ask(OPCODE.open, node)).readBigUInt64LE(0)
    try {
      return (await this.ask(OPCODE.read, node, readBody(handle, offset, size))).toString()
    } finally {
      await this.ask(OPCODE.release, node, readBody(handle, 0, 0))
    }
  }
}

function readBody(handle: bigint, offset: number, size: number): Buffer {
  const body = Buffer.alloc(40)
  body.writeBigUInt64LE(handle, 0)
  body.writeBigUInt64LE(BigInt(offset), 8)
  body.writeUInt32LE(size, 16)
  return body
}

const options = () => ({ cache, indexDirectory: join(directory, 'index'), signal: never })

async function mount(ref?: string): Promise<Kernel> {
  const folder = await DatasetFolder.open(new StoredDataset(store, DIRECTORY, ID), ref, options())
  return new Kernel(folder.top(Buffer.alloc(0)))
}

test('files of git and of the annex are plain files with their lengths, and directories list them', async () => {
  await commitFiles(store, DIRECTORY, {
    'README.md': '# A study\n',
    'sub-01/x.dat': annexLink(KEY),
    'unlocked.dat': annexPointer(KEY),
    'a link': { link: 'sub-01/x.dat' },
    subdataset: { commit: '0123456789012345678901234567890123456789' },
  })
  await write(store, PLACE, CONTENT)
  const kernel = await mount()
  const names = ['.', '..', 'README.md', 'a link', 'sub-01', 'subdataset', 'unlocked.dat']
  expect(await kernel.names('')).toEqual(names)
  expect(await kernel.names('', 64)).toEqual(names)
  expect(await kernel.names('subdataset')).toEqual(['.', '..'])
  expect(await kernel.find('README.md')).toMatchObject({ size: 10, mode: '100444', uid: 7 })
  expect(await kernel.find('sub-01/x.dat')).toMatchObject({ size: 22, mode: '100444' })
  expect(await kernel.find('a link')).toMatchObject({ mode: '120777' })
  expect(await kernel.find('sub-01')).toMatchObject({ mode: '40555' })
  expect(await kernel.find('sub-01/nothing')).toBeUndefined()
  for (const path of ['sub-01/x.dat', 'unlocked.dat']) expect(await kernel.read(path)).toBe(CONTENT.toString())
  expect(await kernel.read('README.md', 2, 3)).toBe('A s')
  const { node = 0 } = (await kernel.find('a link')) ?? {}
  expect((await kernel.ask(OPCODE.readlink, node)).toString()).toBe('sub-01/x.dat')
})

test('readdirplus tells lengths, so that a long listing asks for no file alone', async () => {
  await commitFiles(store, DIRECTORY, { 'x.dat': annexLink(KEY) })
  const answer = await (await mount()).ask(OPCODE.readdirplus, 1, readBody(0n, 2, 4096))
  expect(answer.readBigUInt64LE(48)).toBe(22n)
  expect(answer.toString('utf8', 128 + 24, 128 + 24 + 5)).toBe('x.dat')
})

test('a key that does not tell its length has the one of its copy', async () => {
  const key = 'URL--http&c%%example.org%x'
  await commitFiles(store, DIRECTORY, { x: annexLink('URL--http://example.org/x'), y: annexLink(KEY) })
  const kernel = await mount()
  expect(await kernel.find('y')).toMatchObject({ size: 22 })
  expect(await kernel.find('x')).toMatchObject({ size: 0 })
  await expect(kernel.read('x')).rejects.toMatchObject({ message: 'ENODATA' })
  const { link } = annexLink('URL--http://example.org/x') as { link: string }
  await write(store, `${DIRECTORY}/${link.slice('.git/'.length)}`, 'four')
  expect(link).toContain(key)
  await expect(kernel.read('x'), 'its length is not known here').rejects.toMatchObject({ message: 'ENODATA' })
  const again = await mount()
  expect(await again.find('x')).toMatchObject({ size: 4 })
  expect(await again.read('x')).toBe('four')
})

test('content that the store has not is told from what is damaged, and neither is read', async () => {
  await commitFiles(store, DIRECTORY, { 'x.dat': annexLink(KEY) })
  const kernel = await mount()
  await expect(kernel.read('x.dat')).rejects.toMatchObject({ message: 'ENODATA' })
  await write(store, PLACE, CONTENT.toString().toUpperCase())
  await expect(kernel.read('x.dat')).rejects.toMatchObject({ kind: 'corrupt' })
  await write(store, PLACE, 'too short')
  await expect(kernel.read('x.dat')).rejects.toMatchObject({ kind: 'corrupt' })
  await write(store, PLACE, CONTENT)
  expect(await kernel.read('x.dat')).toBe(CONTENT.toString())
})

test('it shows the commit that was mounted, whatever is pushed later', async () => {
  const first = await commitFiles(store, DIRECTORY, { 'a.txt': 'first' })
  const kernel = await mount()
  await commitFiles(store, DIRECTORY, { 'b.txt': 'second' })
  expect(await kernel.names('')).toEqual(['.', '..', 'a.txt'])
  expect(await (await mount(first)).names('')).toEqual(['.', '..', 'a.txt'])
  expect(await (await mount('main')).names('')).toEqual(['.', '..', 'b.txt'])
  await expect(mount('nothing')).rejects.toThrow(/neither a ref nor/)
})

test('a store is a folder of its datasets by their ids', async () => {
  await commitFiles(store, DIRECTORY, { 'a.txt': 'first' })
  const folder = new StoreFolder(store, options())
  const kernel = new Kernel(folder.top)
  expect(await kernel.names('')).toEqual(['.', '..', ID])
  expect(await kernel.read(`${ID}/a.txt`)).toBe('first')
  await folder.close()
})

test('what is no request for a folder that is read is refused', async () => {
  await commitFiles(store, DIRECTORY, { 'a.txt': 'first' })
  const kernel = await mount()
  await expect(kernel.ask(16, 1)).rejects.toMatchObject({ message: 'ENOSYS' })
  await expect(kernel.ask(OPCODE.getattr, 99)).rejects.toMatchObject({ message: 'ENOENT' })
  await expect(kernel.ask(OPCODE.open, 1)).rejects.toMatchObject({ message: 'EISDIR' })
  const { node = 0 } = (await kernel.find('a.txt')) ?? {}
  await expect(kernel.ask(OPCODE.opendir, node)).rejects.toMatchObject({ message: 'ENOTDIR' })
  await expect(kernel.ask(OPCODE.readlink, node)).rejects.toMatchObject({ message: 'EINVAL' })
  await expect(kernel.ask(OPCODE.read, node, readBody(77n, 0, 10))).rejects.toMatchObject({ message: 'EINVAL' })
})

test('what the kernel has forgotten is not kept for ever: of many directories only so much is in memory', async () => {
  const file = (name: string): Found => ({
    ...FOUND,
    name: Buffer.from(name),
    kind: 'file',
    size: 0,
    open: () => Promise.reject(new Error('no')),
  })
  const directory = (name: string): Found => ({
    ...FOUND,
    name: Buffer.from(name),
    kind: 'directory',
    list: async () => Array.from({ length: 100 }, (_, i) => file(`${name}-${i}`)),
  })
  const directories = Array.from({ length: 50 }, (_, i) => directory(`d${i}`))
  const tree = new Tree({ ...FOUND, name: Buffer.alloc(0), kind: 'directory', list: async () => directories }, 500)
  const top = await tree.list(1)
  const held = top?.nodes[0] ?? expect.fail()
  tree.use(held)
  const used = (await tree.list(held.node))?.nodes[7] ?? expect.fail()
  tree.use(used)
  for (const node of top?.nodes ?? []) {
    tree.use(node)
    for (const each of (await tree.list(node.node))?.nodes ?? []) {
      tree.use(each)
      tree.forget(each.node, 1)
    }
    tree.forget(node.node, 1)
  }
  expect(tree.size).toBeLessThan(700)
  expect(tree.pathOf(used.node)).toBe('d0/d0-7')
  expect((await tree.list(held.node))?.nodes[7]).toBe(used)
  // Who looks again finds what was dropped.
  const last = top?.nodes[20] ?? expect.fail()
  expect((await tree.list(last.node))?.nodes).toHaveLength(100)
})

const FOUND = { mode: 0o555, modifiedMs: 0 } as const
