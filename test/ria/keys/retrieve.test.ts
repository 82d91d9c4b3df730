import { createHash } from 'node:crypto'
import { access, chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StoreErrorKind } from '../../../src/core/errors.ts'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import type { Store } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { withRetry } from '../../../src/store/wrappers/retry.ts'
import { DIRECTORY, dataset, downloads, memoryStore, put } from '../../support/stores/memory-dataset.ts'

/** Several chunks of the memory store. */
const CONTENT = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) & 255))
const KEY = `MD5E-s100000--${createHash('md5').update(CONTENT).digest('hex')}.bin`
const [PLACE = ''] = keyPaths(DIRECTORY, '2', KEY)
const ENCRYPTED = 'GPGHMACSHA1--06f1d8a1e2d5ddfb5ab3ae8fe5ba8d9ff7e3ee2c'
const [ENCRYPTED_PLACE = ''] = keyPaths(DIRECTORY, '2', ENCRYPTED)
const RETRY = { retries: 3, minDelayMs: 1, maxDelayMs: 2 }

let target: Awaited<ReturnType<typeof downloads>>
let count = 0
beforeAll(async () => {
  target = await downloads()
})
afterAll(() => target?.remove())
const newFile = () => target.file(`download-${++count}`)

async function storeWith(files: Record<string, string | Uint8Array>): Promise<Store> {
  const store = await memoryStore()
  for (const [path, content] of Object.entries(files)) await put(store, path, content)
  return store
}

/** The ranges that a store was asked for. */
function watchRanges(store: Store): { store: Store; starts: number[] } {
  const starts: number[] = []
  const watched: Store = {
    ...withFaults(store, []),
    get: (path, consume, options) => {
      const range = typeof options?.range === 'function' ? options.range() : options?.range
      if (path.includes('/annex/objects/')) starts.push(range?.start ?? 0)
      return store.get(path, consume, options)
    },
  }
  return { store: watched, starts }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

describe('retrieving a key', () => {
  test.each([true, false])('gives its content (verify: %j)', async (verify) => {
    const file = newFile()
    await dataset(await storeWith({ [PLACE]: CONTENT }), { verify }).retrieve(KEY, file)
    expect(await readFile(file)).toEqual(CONTENT)
  })

  test('that is empty gives an empty file', async () => {
    const key = 'MD5-s0--d41d8cd98f00b204e9800998ecf8427e'
    const [place = ''] = keyPaths(DIRECTORY, '2', key)
    const file = newFile()
    await dataset(await storeWith({ [place]: '' }), { verify: true }).retrieve(key, file)
    expect(await readFile(file)).toHaveLength(0)
  })

  test('finds it in its second place too', async () => {
    const key = 'URL--http://example.com/a&b'
    for (const place of keyPaths(DIRECTORY, '2', key)) {
      const file = newFile()
      await dataset(await storeWith({ [place]: CONTENT })).retrieve(key, file)
      expect(await readFile(file)).toEqual(CONTENT)
    }
  })

  test('takes the whole copy when the one in its first place is damaged', async () => {
    const key = 'WORM-s100000-m1--a:b'
    const [first = '', second = ''] = keyPaths(DIRECTORY, '2', key)
    const file = newFile()
    await dataset(await storeWith({ [first]: 'x', [second]: CONTENT })).retrieve(key, file)
    expect(await readFile(file)).toEqual(CONTENT)
  })

  test('says that it is not in the store when that is proven', async () => {
    await expect(dataset(await storeWith({})).retrieve(KEY, newFile())).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('is not in the store'),
    })
  })

  test('that fails before its first byte leaves no file behind', async () => {
    const file = newFile()
    await expect(dataset(await storeWith({})).retrieve(KEY, file)).rejects.toMatchObject({ kind: 'missing' })
    const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [{ fail: 'denied', op: 'get', path: PLACE }])
    await expect(dataset(store).retrieve(KEY, file)).rejects.toMatchObject({ kind: 'denied' })
    expect(await exists(file)).toBe(false)
  })

  test('that the store has with another length fails, and names the copy', async () => {
    const store = await storeWith({ [PLACE]: CONTENT.subarray(1) })
    await expect(dataset(store).retrieve(KEY, newFile())).rejects.toMatchObject({
      kind: 'corrupt',
      where: `memory:/${PLACE}`,
      message: expect.stringContaining('it has 99999 bytes, the key 100000'),
    })
  })

  test.each<StoreErrorKind>(['denied', 'unreachable', 'transient', 'conflict'])(
    'that the store fails to read as %s fails as that, and not as missing',
    async (kind) => {
      const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [{ fail: kind, op: 'get', path: PLACE }])
      await expect(dataset(store).retrieve(KEY, newFile())).rejects.toMatchObject({ kind })
    },
  )

  test('into a file that cannot be written says so of the file', async () => {
    const directory = newFile()
    await mkdir(directory)
    const store = await storeWith({ [PLACE]: CONTENT })
    await expect(dataset(store).retrieve(KEY, directory)).rejects.toMatchObject({ op: 'write', where: directory })
    await expect(dataset(store).retrieve(KEY, `${directory}/nowhere/file`)).rejects.toMatchObject({ op: 'write' })
  })

  test('tells how far it got, from the beginning of the content to its end', async () => {
    const file = newFile()
    await writeFile(file, CONTENT.subarray(0, 50_000))
    const progress: number[] = []
    const onProgress = (bytes: number) => progress.push(bytes)
    await dataset(await storeWith({ [PLACE]: CONTENT })).retrieve(KEY, file, { onProgress })
    expect(progress[0]).toBeGreaterThanOrEqual(50_000)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(progress.at(-1)).toBeGreaterThan(80_000)
  })

  test('stops when the signal aborts', async () => {
    const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [
      { stall: true, op: 'get', path: PLACE, at: 20_000 },
    ])
    const abort = new AbortController()
    const retrieving = dataset(store).retrieve(KEY, newFile(), { signal: abort.signal })
    setTimeout(() => abort.abort(), 20)
    await expect(retrieving).rejects.toMatchObject({ kind: 'aborted' })
  })
})

test('a download that breaks off leaves the part that came, to go on from', async () => {
  const file = newFile()
  const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [
    { fail: 'unreachable', op: 'get', path: PLACE, at: 40_000 },
  ])
  await expect(dataset(store, { verify: true }).retrieve(KEY, file)).rejects.toMatchObject({ kind: 'unreachable' })
  expect((await readFile(file)).equals(CONTENT.subarray(0, 40_000))).toBe(true)
})

describe('a download into a file that holds something already', () => {
  test.each([true, false])(
    'goes on from its end, if it is the beginning of the content (verify: %j)',
    async (verify) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: CONTENT.length }), async (length) => {
          const file = newFile()
          await writeFile(file, CONTENT.subarray(0, length))
          const { store, starts } = watchRanges(await storeWith({ [PLACE]: CONTENT }))
          await dataset(store, { verify }).retrieve(KEY, file)
          expect((await readFile(file)).equals(CONTENT)).toBe(true)
          expect(starts).toEqual([length])
        }),
        { numRuns: 20 },
      )
    },
  )

  test('starts anew when that is more than the whole', async () => {
    const file = newFile()
    await writeFile(file, Buffer.alloc(CONTENT.length + 1))
    await dataset(await storeWith({ [PLACE]: CONTENT })).retrieve(KEY, file)
    expect((await readFile(file)).equals(CONTENT)).toBe(true)
  })

  test.each([1, 50_000, CONTENT.length])(
    'that is garbage of %i bytes starts anew when we verify, once the checksum shows it',
    async (length) => {
      const file = newFile()
      await writeFile(file, Buffer.alloc(length, 'garbage'))
      const { store, starts } = watchRanges(await storeWith({ [PLACE]: CONTENT }))
      await dataset(store, { verify: true }).retrieve(KEY, file)
      expect((await readFile(file)).equals(CONTENT)).toBe(true)
      expect(starts).toEqual([length, 0])
    },
  )

  test('never goes on with an encrypted key: the bytes may be of another upload', async () => {
    const file = newFile()
    await writeFile(file, 'the beginning of another upload')
    const { store, starts } = watchRanges(await storeWith({ [ENCRYPTED_PLACE]: CONTENT }))
    await dataset(store, { verify: true }).retrieve(ENCRYPTED, file)
    expect((await readFile(file)).equals(CONTENT)).toBe(true)
    expect(starts).toEqual([0])
  })

  test('keeps what it had when the store cannot be reached', async () => {
    const file = newFile()
    await writeFile(file, CONTENT.subarray(0, 1000))
    const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [{ fail: 'unreachable', op: 'get', path: PLACE }])
    await expect(dataset(store, { verify: true }).retrieve(KEY, file)).rejects.toMatchObject({ kind: 'unreachable' })
    expect((await stat(file)).size).toBe(1000)
  })
})

describe('content that does not have the key’s checksum', () => {
  const damaged = Buffer.from(CONTENT)
  damaged.writeUInt8(damaged.readUInt8(70_000) ^ 1, 70_000)

  test('is not left in the file, and the error names the copy', async () => {
    const file = newFile()
    const store = await storeWith({ [PLACE]: damaged })
    await expect(dataset(store, { verify: true }).retrieve(KEY, file)).rejects.toMatchObject({
      kind: 'corrupt',
      where: `memory:/${PLACE}`,
      message: expect.stringContaining(`does not have the key's checksum`),
    })
    expect(await exists(file)).toBe(false)
  })

  test('is not left in the file either when a part was there before', async () => {
    const file = newFile()
    await writeFile(file, CONTENT.subarray(0, 10))
    const store = await storeWith({ [PLACE]: damaged })
    await expect(dataset(store, { verify: true }).retrieve(KEY, file)).rejects.toMatchObject({ kind: 'corrupt' })
    expect(await exists(file)).toBe(false)
  })

  test('is noticed wherever the bit was flipped on its way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(CONTENT.length - 1), async (offset) => {
        const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [{ flip: offset, op: 'get', path: PLACE }])
        await expect(dataset(store, { verify: true }).retrieve(KEY, newFile())).rejects.toMatchObject({
          kind: 'corrupt',
        })
      }),
      { numRuns: 20 },
    )
  })

  test('is given as it is when git-annex does the checking', async () => {
    const file = newFile()
    await dataset(await storeWith({ [PLACE]: damaged }), { verify: false }).retrieve(KEY, file)
    expect((await readFile(file)).equals(damaged)).toBe(true)
  })
})

describe('a connection that breaks in the middle', () => {
  test.each([true, false])('is mended without a byte read twice (verify: %j)', async (verify) => {
    const { store, starts } = watchRanges(await storeWith({ [PLACE]: CONTENT }))
    const faulty = withFaults(store, [
      { fail: 'transient', op: 'get', path: PLACE, at: 40_000 },
      { fail: 'unreachable', op: 'get', path: PLACE, at: 1000, nth: 2 },
    ])
    const file = newFile()
    await dataset(withRetry(faulty, RETRY), { verify }).retrieve(KEY, file)
    expect((await readFile(file)).equals(CONTENT)).toBe(true)
    expect(starts).toEqual([0, 40_000, 41_000])
  })

  test('and a copy that was replaced meanwhile never give a mixture of both', async () => {
    const memory = await storeWith({ [ENCRYPTED_PLACE]: Buffer.alloc(50_000, 'first') })
    const faulty = withFaults(memory, [{ fail: 'transient', op: 'get', path: ENCRYPTED_PLACE, at: 20_000 }])
    const replacing: Store = {
      ...faulty,
      get: async (path, consume, options) => {
        try {
          await faulty.get(path, consume, options)
        } catch (error) {
          await put(memory, ENCRYPTED_PLACE, Buffer.alloc(50_000, 'second'))
          throw error
        }
      },
    }
    await expect(dataset(withRetry(replacing, RETRY)).retrieve(ENCRYPTED, newFile())).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('was replaced'),
    })
  })

  test('goes on with an encrypted key that is still the same', async () => {
    const faulty = withFaults(await storeWith({ [ENCRYPTED_PLACE]: CONTENT }), [
      { fail: 'transient', op: 'get', path: ENCRYPTED_PLACE, at: 20_000 },
    ])
    const file = newFile()
    await dataset(withRetry(faulty, RETRY)).retrieve(ENCRYPTED, file)
    expect((await readFile(file)).equals(CONTENT)).toBe(true)
  })

  test('a store that lies about the length of what it gave is noticed when we verify', async () => {
    const store = withFaults(await storeWith({ [PLACE]: CONTENT }), [{ truncate: 50_000, op: 'get', path: PLACE }])
    await expect(dataset(store, { verify: true }).retrieve(KEY, newFile())).rejects.toMatchObject({ kind: 'corrupt' })
  })
})

test('a read-only file of an earlier download is an error of that file, not of the store', async () => {
  const file = newFile()
  await writeFile(file, 'x')
  await chmod(file, 0o400)
  const retrieving = dataset(await storeWith({ [PLACE]: CONTENT })).retrieve(KEY, file)
  if (process.getuid?.() === 0)
    await retrieving // root may write
  else await expect(retrieving).rejects.toMatchObject({ op: 'write', where: file })
})
