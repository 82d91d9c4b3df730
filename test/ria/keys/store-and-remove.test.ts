import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { keyPaths, transferDirectory } from '../../../src/ria/layout/paths.ts'
import type { Store } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { copyingStore } from '../../support/stores/copying-store.ts'
import {
  CONTENT,
  DIRECTORY,
  dataset,
  ID,
  KEY,
  memoryStore,
  PLACE,
  paths,
  put,
  read,
  UUID,
  withTraits,
} from '../../support/stores/memory-dataset.ts'

const source = bufferSource(CONTENT)
const UPLOADS = transferDirectory(DIRECTORY, UUID)

describe('storing a key', () => {
  test('puts it whole where it belongs', async () => {
    const store = await memoryStore()
    await dataset(store).store(KEY, source)
    expect(await read(store, PLACE)).toEqual(CONTENT)
  })

  test.each(['1', '2'])('follows the layout of the dataset (%s), in the place that ORA uses', async (version) => {
    const store = await memoryStore({ dataset: version })
    await dataset(store).store('URL--http://x/a&b', source)
    const [first = '', second = ''] = keyPaths(DIRECTORY, version, 'URL--http://x/a&b')
    expect(await paths(store)).toContain(first)
    expect(await paths(store)).not.toContain(second)
  })

  test('replaces what is there: it may be damaged, or of another encryption', async () => {
    const store = await memoryStore()
    await put(store, PLACE, 'something else of 22 b')
    await dataset(store).store(KEY, source)
    expect(await read(store, PLACE)).toEqual(CONTENT)
  })

  test.each([
    ['the layout of the store', { store: '2' }],
    ['the layout of the dataset', { dataset: '3' }],
  ])('is refused when %s is of an unknown version, with the reason and the way out', async (_what, options) => {
    const store = await memoryStore(options)
    const before = await paths(store)
    await expect(dataset(store).store(KEY, source)).rejects.toMatchObject({
      kind: 'denied',
      message: expect.stringMatching(/names layout version [23].*ora-force-write=true/),
    })
    expect(await paths(store)).toEqual(before)
  })

  test('is done in an unknown layout when that is forced', async () => {
    const store = await memoryStore({ dataset: '3' })
    await dataset(store, { forceWrite: true }).store(KEY, source)
    expect(await paths(store)).toContain(PLACE)
  })

  test('is refused by a store that can only be read', async () => {
    const store = withTraits(await memoryStore(), { writable: false })
    await expect(dataset(store).store(KEY, source)).rejects.toMatchObject({ kind: 'unsupported' })
    await expect(dataset(store).remove(KEY)).rejects.toMatchObject({ kind: 'unsupported' })
  })

  test('of fewer or more bytes than promised stores nothing', async () => {
    const store = await memoryStore()
    for (const size of [CONTENT.length - 1, CONTENT.length + 1]) {
      await expect(dataset(store).store(KEY, { ...source, size })).rejects.toMatchObject({ kind: 'corrupt' })
    }
    expect(await paths(store)).not.toContain(PLACE)
  })
})

test('a key that is stored in a dataset which was removed from an object store meanwhile is not said to be there', async () => {
  const store = await copyingStore()
  const long = dataset(store)
  await long.layout()
  await store.remove(`${DIRECTORY}/ria-layout-version`)
  await expect(long.store(KEY, source)).rejects.toMatchObject({
    kind: 'missing',
    message: expect.stringContaining('the dataset is not there any more'),
  })
  await put(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await long.store(KEY, source)
  expect(await read(store, PLACE)).toEqual(CONTENT)
})

describe('removing a key', () => {
  test('removes it from both of its places', async () => {
    const key = 'URL--http://x/a&b'
    const store = await memoryStore()
    const before = await paths(store)
    for (const place of keyPaths(DIRECTORY, '2', key)) await put(store, place, CONTENT)
    await dataset(store).remove(key)
    expect(await paths(store)).toEqual(before)
  })

  test('that is not there is a success', async () => {
    await dataset(await memoryStore()).remove(KEY)
  })

  test('removes the two directories that were only for it', async () => {
    const asked: unknown[] = []
    const memory = await memoryStore()
    const store: Store = { ...withFaults(memory, []), remove: async (_path, options) => void asked.push(options) }
    await dataset(store).remove(KEY)
    expect(asked).toMatchObject([{ pruneParents: 2 }])
  })

  test('is no success when the dataset is gone', async () => {
    const store = await memoryStore()
    const from = dataset(store)
    await from.layout()
    await store.remove(`${DIRECTORY}/ria-layout-version`)
    await expect(from.remove(KEY)).rejects.toMatchObject({ kind: 'missing' })
  })

  test('is refused in a layout of unknown version', async () => {
    const store = await memoryStore({ dataset: '3' })
    await put(store, PLACE, CONTENT)
    await expect(dataset(store).remove(KEY)).rejects.toMatchObject({ kind: 'denied' })
    expect(await paths(store)).toContain(PLACE)
  })

  test.each(['denied', 'unreachable', 'transient'] as const)('that fails as %s fails as that', async (fail) => {
    const store = withFaults(await memoryStore(), [{ fail, op: 'remove' }])
    await expect(dataset(store).remove(KEY)).rejects.toMatchObject({ kind: fail })
  })
})

describe('after an upload', () => {
  const HOUR = 60 * 60 * 1000
  const DEAD = `${UPLOADS}/riastore-12-0123456789ab-1.tmp`
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** All that is in the place for uploads, once an upload is done and swept after. */
  async function leftAfterUpload(store: Store): Promise<string[]> {
    await dataset(store).store(KEY, source)
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    return (await paths(store)).filter((path) => path.startsWith(UPLOADS))
  }

  test('what dead uploads left is removed, and nothing younger or of others', async () => {
    const store = await memoryStore()
    const others = [`${UPLOADS}/KEY--of-stock-ORA`, `${UPLOADS}/sub/riastore-x.tmp`]
    for (const path of [DEAD, ...others]) await put(store, path, 'a part')
    vi.setSystemTime(Date.now() + 25 * HOUR)
    const young = `${UPLOADS}/riastore-12-0123456789ab-2.tmp`
    await put(store, young, 'a part')
    expect(await leftAfterUpload(store)).toEqual([...others, young].sort())
  })

  test('what moved within a day stays', async () => {
    const store = await memoryStore()
    await put(store, DEAD, 'a part')
    vi.setSystemTime(Date.now() + 23 * HOUR)
    expect(await leftAfterUpload(store)).toEqual([DEAD])
  })

  test('the uploads are looked through only once', async () => {
    const store = withFaults(await memoryStore(), [])
    const into = dataset(store)
    for (const n of [1, 2, 3]) await into.store(`WORM-s22-m${n}--a`, source)
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    expect(store.calls.filter(({ op }) => op === 'list')).toEqual([{ op: 'list', path: UPLOADS }])
  })

  test.each(['list', 'remove'] as const)('it does not matter when the sweeping fails (%s)', async (op) => {
    const store = await memoryStore()
    await put(store, DEAD, 'a part')
    vi.setSystemTime(Date.now() + 25 * HOUR)
    expect(await leftAfterUpload(withFaults(store, [{ fail: 'denied', op }]))).toEqual([DEAD])
  })
})

describe('the error log of a store', () => {
  const LOG = `error_logs/${ID}.${UUID}.log`
  const logged = async (store: Store) => ((await paths(store)).includes(LOG) ? (await read(store, LOG)).toString() : '')

  test('gets the errors when the store asks for them', async () => {
    const store = await memoryStore({ store: '1|l' })
    const of = dataset(store)
    await of.layout()
    await of.logError('get x: first')
    await of.logError('get x: second')
    expect(await logged(store)).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z: Error:\nget x: first\n\d{4}-[^\n]+: Error:\nget x: second\n$/,
    )
  })

  test('gets nothing when it does not, when flags are to be ignored, or when nothing is known of it', async () => {
    const quiet = await memoryStore()
    await dataset(quiet).layout()
    await dataset(quiet).logError('x')
    expect(await logged(quiet)).toBe('')

    const ignored = await memoryStore({ store: '1|l' })
    const of = dataset(ignored, { ignoreFlags: true })
    await of.layout()
    await of.logError('x')
    await dataset(ignored).logError('x')
    expect(await logged(ignored)).toBe('')
  })

  test('that cannot be written is no further error', async () => {
    const store = withFaults(await memoryStore({ store: '1|l' }), [{ fail: 'denied', op: 'append' }])
    const of = dataset(store)
    await of.layout()
    await of.logError('x')
    expect(store.calls.at(-1)).toEqual({ op: 'append', path: LOG })
    await dataset(withTraits(store, { writable: false })).logError('x')
  })
})
