import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checksumOf } from '../../../src/core/checksum.ts'
import { parseKey } from '../../../src/core/key.ts'
import type { CachedKey } from '../../../src/mount/cache/cached-key.ts'
import { KeyCache, type KeyCacheOptions } from '../../../src/mount/cache/key-cache.ts'
import type { KeySource } from '../../../src/mount/cache/key-source.ts'
import { BLOCK } from '../../../src/mount/cache/windows.ts'

const LIMIT = 1024 ** 3
const never = new AbortController().signal

let directory: string
const caches: KeyCache[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'riastore-cache-'))
})
afterEach(() => {
  for (const cache of caches.splice(0)) cache.close()
  rmSync(directory, { recursive: true, force: true })
})

function openCache(options: Partial<KeyCacheOptions> = {}): KeyCache {
  const cache = new KeyCache({ directory, limit: LIMIT, ...options })
  caches.push(cache)
  return cache
}

/** A key with this content, and what was asked of the store. `stored`: what it has in its place. */
function sourceOf(content: Buffer, stored = content): KeySource & { readonly asked: [number, number][] } {
  const text = `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`
  const asked: [number, number][] = []
  return {
    name: text,
    size: content.length,
    checksum: checksumOf(parseKey(text)),
    asked,
    read: async ({ start, end }, write, signal) => {
      asked.push([start, end])
      const memory = Buffer.alloc(100_000) // readers use theirs again
      for (let at = start; at < end; at += memory.length) {
        signal.throwIfAborted()
        const length = stored.copy(memory, 0, at, Math.min(end, at + memory.length))
        await write(memory.subarray(0, length))
      }
    },
    damaged: () => new Error('damaged'),
  }
}

const files = () =>
  readdirSync(directory)
    .flatMap((boot) => readdirSync(join(directory, boot)))
    .map((name) => name.replace(/^[0-9a-f]{64}/, 'KEY').replace(/\.\d.*\.part/, '.part'))

test('a part is asked for once, and little more than it', async () => {
  const content = randomBytes(20 * BLOCK + 17)
  const source = sourceOf(content)
  const key = await openCache().acquire(source)
  expect(await key.read(11 * BLOCK - 5, 10, never)).toEqual(content.subarray(11 * BLOCK - 5, 11 * BLOCK + 5))
  expect(source.asked).toEqual([[10 * BLOCK, 14 * BLOCK]])
  expect(await key.read(11 * BLOCK, 100, never)).toEqual(content.subarray(11 * BLOCK, 11 * BLOCK + 100))
  expect(await key.read(content.length - 3, 100, never)).toEqual(content.subarray(-3))
  expect(await key.read(content.length + 3, 100, never)).toEqual(Buffer.alloc(0))
  expect(source.asked.slice(1)).toEqual([[20 * BLOCK, content.length]])
})

test('who reads on gets more and more at once', async () => {
  const content = randomBytes(64 * BLOCK)
  const source = sourceOf(content)
  const key = await openCache().acquire(source)
  for (let at = 0; at < content.length; at += BLOCK) {
    expect((await key.read(at, BLOCK, never)).equals(content.subarray(at, at + BLOCK))).toBe(true)
  }
  expect(source.asked.length).toBeLessThan(6)
  expect(source.asked.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(content.length)
})

test('what is whole and good is there for other processes, and nothing is asked for it again', async () => {
  const content = randomBytes(3 * BLOCK)
  const cache = openCache()
  const first = await cache.acquire(sourceOf(content))
  await first.read(0, content.length, never)
  expect(first.isWhole).toBe(true)
  expect(existsSync(cache.pathOf(first.source.name))).toBe(true)
  const source = sourceOf(content)
  const second = await openCache().acquire(source)
  expect(second.isWhole).toBe(true)
  expect((await second.read(0, content.length, never)).equals(content)).toBe(true)
  expect(source.asked).toEqual([])
})

test.each(['forwards', 'backwards'])('the read that brings the last part of a damaged key fails, %s', async (way) => {
  const content = randomBytes(16 * BLOCK)
  const stored = Buffer.from(content)
  stored.writeUInt8(stored.readUInt8(5 * BLOCK) ^ 1, 5 * BLOCK)
  const cache = openCache()
  const key = await cache.acquire(sourceOf(content, stored))
  const blocks = [...Array(16).keys()]
  const read = (block: number) => key.read(block * BLOCK, BLOCK, never)
  const results: string[] = []
  for (const block of way === 'forwards' ? blocks : blocks.toReversed()) {
    results.push(
      await read(block).then(
        () => 'read',
        (error: Error) => error.message,
      ),
    )
  }
  expect(results.at(-1)).toBe('damaged')
  await expect(read(0)).rejects.toThrow('damaged')
  expect(key.isWhole && key.damage === undefined).toBe(false)
  cache.release(key)
  expect(files()).toEqual([])
  const mended = await cache.acquire(sourceOf(content))
  expect((await mended.read(0, content.length, never)).equals(content)).toBe(true)
})

test('two readers of a damaged key both learn of it', async () => {
  const content = randomBytes(BLOCK + 1)
  const cache = openCache()
  const source = sourceOf(content, Buffer.alloc(content.length))
  const [one, two] = [await cache.acquire(source), await cache.acquire(source)]
  const results = await Promise.allSettled([one, two].map((key) => key.read(0, content.length, never)))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})

test('what was read in part is gone on with by the next process', async () => {
  const content = randomBytes(16 * BLOCK)
  const cache = openCache()
  const first = await cache.acquire(sourceOf(content))
  await first.read(8 * BLOCK, 1, never)
  await expect.poll(() => files()).toEqual(['KEY.part'])
  await first.read(11 * BLOCK, 1, never)
  cache.release(first)
  expect(files()).toEqual(['KEY.left'])
  const source = sourceOf(content)
  const second = await openCache().acquire(source)
  await second.read(8 * BLOCK, 4 * BLOCK, never)
  expect(source.asked).toEqual([])
  for (let at = 0; at < 16; at++) await second.read(at * BLOCK, BLOCK, never)
  expect(second.isWhole).toBe(true)
  expect(files()).toEqual(['KEY'])
})

test('what was kept before the machine was started is checked once more', async () => {
  const [good, bad] = [randomBytes(2 * BLOCK), randomBytes(2 * BLOCK)]
  const cache = openCache()
  for (const content of [good, bad]) {
    const key = await cache.acquire(sourceOf(content))
    await key.read(0, content.length, never)
    cache.release(key)
  }
  const [boot = ''] = readdirSync(directory)
  renameSync(join(directory, boot), join(directory, 'before'))
  const source = sourceOf(good)
  const [first = '', second = ''] = readdirSync(join(directory, 'before'))
  const named = (content: Buffer) =>
    createHash('sha256').update(sourceOf(content).name).digest('hex') === first ? first : second
  truncateSync(join(directory, 'before', named(bad)), 10)
  truncateSync(join(directory, 'before', named(bad)), 2 * BLOCK)
  const again = openCache()
  expect((await again.acquire(source)).isWhole).toBe(true)
  expect(source.asked).toEqual([])
  expect((await again.acquire(sourceOf(bad))).isWhole).toBe(false)
})

test('no more than the limit is kept, what was opened last longest, and all is read right', async () => {
  const contents = Array.from({ length: 12 }, () => randomBytes(4 * BLOCK))
  const cache = openCache({ limit: 20 * BLOCK })
  for (const content of contents) {
    const key = await cache.acquire(sourceOf(content))
    expect((await key.read(0, content.length, never)).equals(content)).toBe(true)
    cache.release(key)
  }
  expect(files().length).toBeLessThanOrEqual(5)
  const last = sourceOf(contents.at(-1) ?? Buffer.alloc(0))
  expect((await cache.acquire(last)).isWhole).toBe(true)
})

test('a key that is larger than the cache is read right, and one that is damaged not to its end', async () => {
  const content = randomBytes(80 * BLOCK)
  const stored = Buffer.concat([content.subarray(0, -1), Buffer.from([(content.at(-1) ?? 0) ^ 1])])
  const readAll = async (key: CachedKey) => {
    for (let at = 0; at < 80; at++) {
      const block = content.subarray(at * BLOCK, (at + 1) * BLOCK)
      expect((await key.read(at * BLOCK, BLOCK, never)).equals(block), `block ${at}`).toBe(true)
    }
  }
  const cache = openCache({ limit: 20 * BLOCK })
  const good = await cache.acquire(sourceOf(content))
  await readAll(good)
  cache.release(good)
  const damaged = await cache.acquire(sourceOf(content, stored))
  await expect(readAll(damaged)).rejects.toThrow('damaged')
})

test('a reader that gives up does not wait, and a failure is told to whoever waits, and then forgotten', async () => {
  const content = randomBytes(BLOCK)
  const source = sourceOf(content)
  let works = false
  const flaky: KeySource = {
    ...source,
    read: async (range, write, signal) => {
      if (works) return source.read(range, write, signal)
      throw new Error('no answer')
    },
  }
  const key = await openCache().acquire(flaky)
  await expect(key.read(0, 1, never)).rejects.toThrow('no answer')
  works = true
  expect(await key.read(0, 1, never)).toEqual(content.subarray(0, 1))
  const silent: KeySource = { ...source, name: 'silent', read: () => new Promise(() => {}) }
  const stop = new AbortController()
  const read = (await openCache().acquire(silent)).read(0, 1, stop.signal)
  stop.abort()
  await expect(read).rejects.toMatchObject({ kind: 'aborted' })
})

test('a directory into which others may write is refused', () => {
  chmodSync(directory, 0o777)
  expect(() => openCache()).toThrow(/yours alone/)
})
