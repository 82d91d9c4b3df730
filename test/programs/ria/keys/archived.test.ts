import { createHash } from 'node:crypto'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { SETTLE_MS } from '../../../../src/ria/keys/quiet-dataset.ts'
import type { RiaDataset } from '../../../../src/ria/keys/ria-dataset.ts'
import { archivePath, keyPaths } from '../../../../src/ria/layout/paths.ts'
import { lockPath, placesOf, tombstonePath } from '../../../../src/ria/layout/places.ts'
import type { Store } from '../../../../src/store/store.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { type Contents, makeArchive } from '../../../support/archives/real-archive.ts'
import {
  DIRECTORY,
  dataset,
  downloads,
  memoryStore,
  paths,
  put,
  read,
  withTraits,
} from '../../../support/stores/memory-dataset.ts'
import { withMethods } from '../../../support/stores/stores.ts'

const CONTENT = Buffer.from('what is in the archive\n'.repeat(400))
const KEY = keyOf(CONTENT)
const OTHER = Buffer.from('something else')
const ARCHIVE = archivePath(DIRECTORY)
const TOMBSTONE = tombstonePath(DIRECTORY, KEY)
const [LOOSE = ''] = keyPaths(DIRECTORY, '2', KEY)
const [MEMBER = ''] = placesOf(KEY, '2')

function keyOf(content: Buffer): string {
  return `MD5E-s${content.length}--${createHash('md5').update(content).digest('hex')}.txt`
}

let target: Awaited<ReturnType<typeof downloads>>
/** With KEY, and without. */
let archive: Buffer
let otherArchive: Buffer
beforeAll(async () => {
  target = await downloads()
  archive = await packed({ [MEMBER]: CONTENT })
  otherArchive = await packed({ [placesOf(keyOf(OTHER), '2')[0] as string]: OTHER })
})
afterAll(() => target?.remove())

let count = 0
const newFile = () => target.file(`download-${++count}`)

function packed(files: Record<string, Buffer>, switches: readonly string[] = ['-mx0']): Promise<Buffer> {
  const contents: Contents = new Map(Object.entries(files))
  return makeArchive(contents, switches)
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )

const KINDS = [{ looksTogether: true }, { looksTogether: false }, { looksTogether: false, flat: true }]

describe.each(KINDS)('an archived key in a store of the kind %j', (kind) => {
  const open = async (files: Record<string, Buffer | string>): Promise<Store> => {
    const store = await memoryStore()
    for (const [path, content] of Object.entries(files)) await put(store, path, content)
    return withTraits(store, kind)
  }

  test('is present, and one that is neither loose nor archived is absent', async () => {
    const asked = dataset(await open({ [ARCHIVE]: archive }))
    expect(await asked.checkPresent(KEY)).toBe(true)
    expect(await asked.checkPresent(keyOf(OTHER))).toBe(false)
  })

  test.each([
    ['Copy', ['-mx0']],
    ['LZMA2', ['-mx5']],
    ['a solid folder', ['-mx5', '-ms=on']],
    ['BZip2', ['-m0=BZip2']],
  ])('is retrieved and its progress told (%s)', async (_method, switches) => {
    const content = await packed({ 'a/b/c': OTHER, [MEMBER]: CONTENT }, switches)
    for (const verify of [true, false]) {
      const file = newFile()
      const progress: number[] = []
      const asked = dataset(await open({ [ARCHIVE]: content }), { verify })
      await asked.retrieve(KEY, file, { onProgress: (bytes) => progress.push(bytes) })
      expect(await readFile(file)).toEqual(CONTENT)
      expect(progress.at(-1)).toBe(CONTENT.length)
      await asked.close()
    }
  })

  test('is retrieved from where a partial download ends', async () => {
    const file = newFile()
    await writeFile(file, CONTENT.subarray(0, 500))
    const store = withFaults(await open({ [ARCHIVE]: archive }), [])
    await dataset(store, { verify: true }).retrieve(KEY, file)
    expect(await readFile(file)).toEqual(CONTENT)
  })

  test('that is damaged is no success, and leaves no file', async () => {
    const damaged = Buffer.from(archive)
    damaged[40] = (damaged[40] as number) ^ 1
    for (const verify of [true, false]) {
      const file = newFile()
      const asked = dataset(await open({ [ARCHIVE]: damaged }), { verify })
      await expect(asked.retrieve(KEY, file)).rejects.toMatchObject({ kind: 'corrupt' })
      expect(await isThere(file)).toBe(false)
    }
  })

  test('is retrieved when the loose copy is damaged, by its length or only by its content', async () => {
    for (const damaged of [CONTENT.subarray(1), Buffer.alloc(CONTENT.length)]) {
      const file = newFile()
      const asked = dataset(await open({ [ARCHIVE]: archive, [LOOSE]: damaged }), { verify: true })
      await asked.retrieve(KEY, file)
      expect(await readFile(file)).toEqual(CONTENT)
    }
  })

  test('is neither there nor absent when its length is not the key’s', async () => {
    const wrong = await packed({ [MEMBER]: CONTENT.subarray(1) })
    const asked = dataset(await open({ [ARCHIVE]: wrong }))
    await expect(asked.checkPresent(KEY)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining(`has ${CONTENT.length - 1} bytes`),
    })
  })

  test.each(['1', '2'])('is found under each name that its hash may have (layout %s)', async (version) => {
    const key = `URL-s${OTHER.length}--http&c%%example.com/a:b%c`
    for (const from of ['1', '2']) {
      for (const place of placesOf(key, from)) {
        const store = await open({ [ARCHIVE]: await packed({ [place]: OTHER }) })
        await put(store, `${DIRECTORY}/ria-layout-version`, version)
        expect(await dataset(store).checkPresent(key), place).toBe(true)
      }
    }
  })

  test('with a tombstone is absent, as if it were not archived', async () => {
    const asked = dataset(await open({ [ARCHIVE]: archive, [TOMBSTONE]: '' }))
    expect(await asked.checkPresent(KEY)).toBe(false)
    await expect(asked.retrieve(KEY, newFile())).rejects.toMatchObject({ kind: 'missing' })
  })

  test('is stored without being written again', async () => {
    const store = await open({ [ARCHIVE]: archive })
    const before = await paths(store)
    await dataset(store).store(KEY, bufferSource(CONTENT))
    expect(await paths(store)).toEqual(before)
  })

  test('is stored loose when it was dropped, and then has no tombstone', async () => {
    const store = await open({ [ARCHIVE]: archive, [TOMBSTONE]: '' })
    await dataset(store).store(KEY, bufferSource(CONTENT))
    expect(await read(store, LOOSE)).toEqual(CONTENT)
    expect(await store.stat(TOMBSTONE)).toBeUndefined()
  })

  test.each([
    ['has another length', () => packed({ [MEMBER]: CONTENT.subarray(1) })],
    ['cannot be read', async () => Buffer.from('7z')],
  ])('is stored loose when what the archive has %s', async (_what, content) => {
    const store = await open({ [ARCHIVE]: await content() })
    await dataset(store).store(KEY, bufferSource(CONTENT))
    expect(await read(store, LOOSE)).toEqual(CONTENT)
  })

  test('whose content may change is stored each time', async () => {
    const key = `GITMANIFEST-s${OTHER.length}--11111111-2222-3333-4444-555555555555`
    const [place = ''] = keyPaths(DIRECTORY, '2', key)
    const [member = ''] = placesOf(key, '2')
    const store = await open({ [ARCHIVE]: await packed({ [member]: OTHER }) })
    await dataset(store).store(key, bufferSource(Buffer.alloc(OTHER.length)))
    expect(await read(store, place)).toEqual(Buffer.alloc(OTHER.length))
  })

  test('is dropped by a tombstone, with its loose copy', async () => {
    const store = await open({ [ARCHIVE]: archive, [LOOSE]: CONTENT })
    const asked = dataset(store)
    await asked.remove(KEY)
    expect(await store.stat(TOMBSTONE)).toBeDefined()
    expect(await store.stat(LOOSE)).toBeUndefined()
    expect(await asked.checkPresent(KEY)).toBe(false)
    await asked.remove(KEY) // again: no error
  })

  test('gets a tombstone when nobody can say that it is not in the archive', async () => {
    const key = keyOf(OTHER)
    for (const files of [{ [lockPath(DIRECTORY)]: '{}' }, { [ARCHIVE]: '7z' }]) {
      const store = await open({ ...files, [keyPaths(DIRECTORY, '2', key)[0] as string]: OTHER })
      await dataset(store).remove(key)
      expect(await store.stat(tombstonePath(DIRECTORY, key))).toBeDefined()
    }
  })

  test('that is only loose is dropped without a tombstone', async () => {
    const store = await open({ [ARCHIVE]: otherArchive, [LOOSE]: CONTENT })
    await dataset(store).remove(KEY)
    expect(await paths(store)).not.toContain(TOMBSTONE)
  })

  test('is found in an archive that was replaced, made or removed since', async () => {
    const store = await open({})
    const asked = dataset(store)
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    const states = async () => {
      vi.advanceTimersByTime(SETTLE_MS) // in an object store it may be noticed a moment later
      return [await asked.checkPresent(KEY), await asked.checkPresent(keyOf(OTHER))]
    }
    expect(await states()).toEqual([false, false])
    for (const round of [1, 2]) {
      await put(store, ARCHIVE, archive)
      expect(await states(), `${round}`).toEqual([true, false])
      await put(store, ARCHIVE, otherArchive)
      expect(await states(), `${round}`).toEqual([false, true])
      const file = newFile()
      await asked.retrieve(keyOf(OTHER), file)
      expect(await readFile(file)).toEqual(OTHER)
    }
    await store.remove(ARCHIVE)
    expect(await states()).toEqual([false, false])
    vi.useRealTimers()
  })

  test('is asked for by many at once', async () => {
    const asked = dataset(await open({ [ARCHIVE]: archive }))
    const answers = await Promise.all(Array.from({ length: 50 }, () => asked.checkPresent(KEY)))
    expect(answers).toEqual(Array(50).fill(true))
  })

  test('costs the other jobs nothing when one gives up while the archive is opened', async () => {
    const asked = dataset(await open({ [ARCHIVE]: archive }))
    await asked.layout()
    const gone = new AbortController()
    const first = asked.checkPresent(KEY, { signal: gone.signal })
    const second = asked.checkPresent(KEY)
    gone.abort()
    await expect(first).rejects.toMatchObject({ kind: 'aborted' })
    expect(await second).toBe(true)
  })
})

describe('a key on its way', () => {
  const toArchive = (store: Store) => [() => put(store, ARCHIVE, archive), () => store.remove(LOOSE)]
  const fromArchive = (store: Store) => [() => put(store, LOOSE, CONTENT), () => store.remove(ARCHIVE)]
  const moves = [
    ['from loose to archive', { [LOOSE]: CONTENT }, toArchive],
    ['from archive to loose', { [ARCHIVE]: () => archive }, fromArchive],
    ['to loose and back', { [ARCHIVE]: () => archive }, (s: Store) => [...fromArchive(s), ...toArchive(s)]],
  ] as const

  /** Does `work` with the steps of a move between its calls, in every way that they can fall. */
  async function whileItMoves(
    [, files, stepsOf]: (typeof moves)[number],
    looksTogether: boolean,
    work: (asked: RiaDataset, endMove: () => Promise<Store>) => Promise<void>,
  ): Promise<number> {
    let ways = 0
    const next = (at: readonly number[], calls: number) => {
      const i = at.findLastIndex((position) => position < calls)
      return i < 0 ? undefined : at.map((position, n) => (n < i ? position : (at[i] as number) + 1))
    }
    const steps = (stepsOf(await memoryStore()) as readonly unknown[]).length
    for (let at: number[] | undefined = Array(steps).fill(0); at !== undefined; ways++) {
      const memory = await memoryStore()
      for (const [path, content] of Object.entries(files)) {
        await put(memory, path, typeof content === 'function' ? content() : content)
      }
      const asked = { left: stepsOf(memory), calls: 0 }
      const when = at
      const step = async () => {
        while (asked.left.length > 0 && (when[when.length - asked.left.length] as number) <= asked.calls) {
          await asked.left.shift()?.()
        }
        asked.calls += 1
      }
      const store = withMethods(memory, {
        stat: async (path, options) => step().then(() => memory.stat(path, options)),
        statAll: async (all) => {
          const found = []
          for (const path of all) found.push(await step().then(() => memory.stat(path)))
          return found
        },
        get: async (path, consume, options) => step().then(() => memory.get(path, consume, options)),
        put: async (path, source, options) => step().then(() => memory.put(path, source, options)),
        remove: async (path, options) => step().then(() => memory.remove(path, options)),
      })
      await work(dataset(withTraits(store, { looksTogether })), async () => {
        for (const act of asked.left.splice(0)) await act()
        return memory
      })
      at = next(when, asked.calls)
    }
    return ways
  }

  test.each([true, false])('is found at every moment (everything looked up at once: %j)', async (looksTogether) => {
    for (const move of moves) {
      const ways = await whileItMoves(move, looksTogether, async (asked) => {
        expect(await asked.checkPresent(KEY), move[0]).toBe(true)
      })
      expect(ways).toBeGreaterThan(10)
    }
  })

  test.each([true, false])('is retrieved at every moment (everything looked up at once: %j)', async (looksTogether) => {
    const directory = newFile()
    await mkdir(directory)
    let n = 0
    for (const move of moves.slice(0, 2)) {
      await whileItMoves(move, looksTogether, async (asked) => {
        const file = join(directory, `${++n}`)
        await asked.retrieve(KEY, file)
        expect(await readFile(file), move[0]).toEqual(CONTENT)
      })
    }
  })

  test('and dropped stays absent while its tombstone is purged with it', async () => {
    const move = [
      'purged',
      { [ARCHIVE]: () => archive, [TOMBSTONE]: () => Buffer.alloc(0) },
      (store: Store) => [() => put(store, ARCHIVE, otherArchive), () => store.remove(TOMBSTONE)],
    ] as unknown as (typeof moves)[number]
    for (const looksTogether of [true, false]) {
      await whileItMoves(move, looksTogether, async (asked) => {
        expect(await asked.checkPresent(KEY)).toBe(false)
      })
    }
  })

  test.each([true, false])(
    'and dropped at any moment is absent when it was packed (everything looked up at once: %j)',
    async (looksTogether) => {
      const lock = lockPath(DIRECTORY)
      const packing = (store: Store) => {
        let isPacked = false
        const isLoose = async () => (await store.stat(LOOSE)) !== undefined
        return [
          async () => {
            await put(store, lock, '')
            isPacked = await isLoose()
          },
          async () => (isPacked && !(await isLoose()) ? put(store, TOMBSTONE, '') : undefined),
          async () => (isPacked ? put(store, ARCHIVE, archive) : undefined),
          () => store.remove(LOOSE).then(() => store.remove(lock)),
        ]
      }
      const move = ['packed', { [LOOSE]: CONTENT }, packing] as unknown as (typeof moves)[number]
      const ways = await whileItMoves(move, looksTogether, async (asked, endMove) => {
        await asked.remove(KEY)
        expect(await dataset(await endMove()).checkPresent(KEY)).toBe(false)
      })
      expect(ways).toBeGreaterThan(100)
    },
  )
})
