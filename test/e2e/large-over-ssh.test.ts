import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileSource } from '../../src/core/source.ts'
import { openSftpStore } from '../../src/store/sftp/sftp.ts'
import type { Store } from '../../src/store/store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { makeWorkspace } from '../support/worlds/workspace.ts'

/** Above the size from which content goes through `cat`, and no multiple of any block. */
const SIZE = 70 * 1024 * 1024 + 12_345

const workspace = await makeWorkspace()
const file = workspace.path('large')
let sshd: Sshd
let store: Store

beforeAll(async () => {
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  sshd = await startSshd(workspace)
  store = openSftpStore({ target: { host: sshd.alias }, root: workspace.path("it's a store"), provider: 'ssh2' })
  workspace.onRemove(() => store.close())
  const block = createHash('sha512').update('seed').digest()
  await writeFile(file, Buffer.alloc(SIZE, block))
})
afterAll(() => workspace.remove())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('a large file goes through cat where the account has a shell, and arrives whole and read-only', async () => {
  const progress: number[] = []
  const put = await store.put('a/large', await fileSource(file), { onProgress: (bytes) => progress.push(bytes) })
  expect(put.size).toBe(SIZE)
  expect(progress.at(-1)).toBe(SIZE)
  expect((await sshd.log()).match(/Starting session: command/g)?.length).toBeGreaterThanOrEqual(2) // the probe and cat
  const stored = workspace.path("it's a store/a/large")
  expect((await stat(stored)).mode & 0o777).toBe(0o444)
  expect(sha256(await readFile(stored))).toBe(sha256(await readFile(file)))
})

test('a large file, and its rest from any byte on, come back as they are', async () => {
  const content = await readFile(file)
  for (const start of [0, 1, 1_000_003]) {
    const hash = createHash('sha256')
    const consume = async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const chunk of bytes) hash.update(chunk)
    }
    await store.get('a/large', consume, { range: () => ({ start }) })
    expect(hash.digest('hex')).toBe(sha256(content.subarray(start)))
  }
})

test('a large upload whose source breaks off leaves nothing behind', async () => {
  const source = await fileSource(file)
  const longer = { ...source, size: SIZE + 1 }
  await expect(store.put('b/large', longer)).rejects.toMatchObject({ kind: 'corrupt' })
  expect(await store.stat('b/large')).toBeUndefined()
  for await (const { path } of store.list('')) expect(path).toBe('a/large')
})

test('a large file that vanishes is an error with its name', async () => {
  await expect(store.get('c/large', async () => {})).rejects.toMatchObject({ kind: 'missing' })
})
