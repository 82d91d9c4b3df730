import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StoreError, type StoreErrorKind } from '../../../src/core/errors.ts'
import { archivePath, keyPaths } from '../../../src/ria/layout/paths.ts'
import type { Store } from '../../../src/store/store.ts'
import { type Fault, seededFaults, withFaults } from '../../../src/store/wrappers/faulty.ts'
import {
  CONTENT,
  DIRECTORY,
  dataset,
  downloads,
  KEY,
  type MemoryOptions,
  memoryStore,
  PLACE,
  put,
  withTraits,
} from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

const KINDS: readonly StoreErrorKind[] = [
  'missing',
  'denied',
  'unreachable',
  'transient',
  'corrupt',
  'conflict',
  'full',
  'unsupported',
  'aborted',
]
const LAYOUT = `${DIRECTORY}/ria-layout-version`

/** With and without looking everything up at once. */
describe.each([true, false])('asking whether a key is there (everything at once: %j)', (looksTogether) => {
  const open = async (options: MemoryOptions = {}, files: Record<string, string | Uint8Array> = {}): Promise<Store> => {
    const store = await memoryStore(options)
    for (const [path, content] of Object.entries(files)) await put(store, path, content)
    return withTraits(store, { looksTogether })
  }

  test('finds a key of the right length', async () => {
    expect(await dataset(await open({}, { [PLACE]: CONTENT })).checkPresent(KEY)).toBe(true)
  })

  test('says that it is absent when the dataset is there, and neither the key nor an archive', async () => {
    expect(await dataset(await open()).checkPresent(KEY)).toBe(false)
  })

  test.each([
    ['1', 'URL--http://example.com/a&b'],
    ['2', 'URL--http://example.com/a&b'],
    ['2', 'WORM-s22-m1--a:b'],
  ])('finds a key with odd characters in both of its places (layout %s, %s)', async (version, key) => {
    const places = keyPaths(DIRECTORY, version, key)
    expect(places).toHaveLength(2)
    for (const place of places) {
      const store = await open({ dataset: version }, { [place]: CONTENT })
      expect(await dataset(store).checkPresent(key)).toBe(true)
    }
  })

  test('finds a key of layout version 1 under hashDirLower, and only there', async () => {
    const [place = ''] = keyPaths(DIRECTORY, '1', KEY)
    expect(await dataset(await open({ dataset: '1' }, { [place]: CONTENT })).checkPresent(KEY)).toBe(true)
    expect(await dataset(await open({ dataset: '1' }, { [PLACE]: CONTENT })).checkPresent(KEY)).toBe(false)
  })

  test.each([
    ['shorter', CONTENT.subarray(1)],
    ['longer', Buffer.concat([CONTENT, Buffer.from('x')])],
    ['empty', ''],
  ])('does not say that a copy which is %s is there, or absent: it is damaged', async (_what, content) => {
    const store = await open({}, { [PLACE]: content })
    await expect(dataset(store).checkPresent(KEY)).rejects.toMatchObject({
      kind: 'corrupt',
      where: `memory:/${PLACE}`,
      message: expect.stringContaining(`has ${content.length} bytes, the key 22`),
    })
  })

  test('does not call a copy damaged whose length the server made doubtful, be it there or read', async () => {
    const store = await open({}, { [PLACE]: 'what came of it' })
    const doubt = 'web.example compresses what it sends'
    const doubtful = withMethods(store, {
      statAll: async (paths, options) =>
        (await store.statAll(paths, options)).map((stat) => stat && { ...stat, doubt }),
      get: (path, consume, options) =>
        store.get(path, (bytes, stat) => consume(bytes, path === PLACE ? { ...stat, doubt } : stat), options),
    })
    const failure = { kind: 'unsupported', reason: `${doubt}: what came has 15 bytes, the key 22` }
    await expect(dataset(doubtful).checkPresent(KEY)).rejects.toMatchObject(failure)
    const target = await downloads()
    await expect(dataset(doubtful).retrieve(KEY, target.file('key'))).rejects.toMatchObject(failure)
    await target.remove()
  })

  test('finds the whole one of two copies, of which the other is damaged', async () => {
    const key = 'WORM-s22-m1--a:b'
    const [first = '', second = ''] = keyPaths(DIRECTORY, '2', key)
    for (const [whole, damaged] of [[first, second] as const, [second, first] as const]) {
      const store = await open({}, { [whole]: CONTENT, [damaged]: 'x' })
      expect(await dataset(store).checkPresent(key)).toBe(true)
    }
    const store = await open({}, { [second]: 'x' })
    await expect(dataset(store).checkPresent(key)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  test('does not say that a copy which turned up damaged while it was looked for is there, or absent', async () => {
    const store = await open({}, {})
    const slow = withMethods(store, {
      statAll: async (paths, options) => {
        if (paths.includes(`${DIRECTORY}/ria-layout-version`)) await put(store, PLACE, 'x')
        return store.statAll(paths, options)
      },
    })
    const asked = dataset(withTraits(slow, { looksTogether: false }))
    await expect(asked.checkPresent(KEY)).rejects.toMatchObject({ kind: 'corrupt', where: `memory:/${PLACE}` })
  })

  test('takes a key without a size for present, whatever its length', async () => {
    const key = 'GPGHMACSHA1--06f1d8a1e2d5ddfb5ab3ae8fe5ba8d9ff7e3ee2c'
    const [place = ''] = keyPaths(DIRECTORY, '2', key)
    expect(await dataset(await open({}, { [place]: 'anything' })).checkPresent(key)).toBe(true)
  })

  test('finds a loose key though there is an archive', async () => {
    const store = await open({}, { [PLACE]: CONTENT, [archivePath(DIRECTORY)]: '7z' })
    expect(await dataset(store).checkPresent(KEY)).toBe(true)
  })

  test('does not know when there is an archive that it cannot read', async () => {
    const store = await open({}, { [archivePath(DIRECTORY)]: '7z' })
    await expect(dataset(store).checkPresent(KEY)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  test.each<[string, MemoryOptions]>([
    ['the store is not there', { store: undefined }],
    ['the dataset is not there', { dataset: undefined }],
    ['the layout file is garbage', { dataset: '<html>' }],
  ])('does not know when %s', async (_what, options) => {
    await expect(dataset(await open(options)).checkPresent(KEY)).rejects.toBeInstanceOf(StoreError)
  })

  test('reads a dataset of an unknown layout version all the same', async () => {
    expect(await dataset(await open({ dataset: '7' }, { [PLACE]: CONTENT })).checkPresent(KEY)).toBe(true)
  })

  test('does not know when the dataset went away since the layout was read, and knows again when it is back', async () => {
    const store = await open()
    const asked = dataset(store)
    expect(await asked.checkPresent(KEY)).toBe(false)
    await store.remove(LAYOUT)
    await expect(asked.checkPresent(KEY)).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('is the store mounted?'),
    })
    await put(store, LAYOUT, '2')
    expect(await asked.checkPresent(KEY)).toBe(false)
  })

  test('asks again after a failure, and does not remember it', async () => {
    const store = withFaults(await open({}, { [PLACE]: CONTENT }), [{ fail: 'unreachable', op: 'get' }])
    const asked = dataset(store)
    await expect(asked.checkPresent(KEY)).rejects.toMatchObject({ kind: 'unreachable' })
    expect(await asked.checkPresent(KEY)).toBe(true)
  })

  test('fails in every way in which any call for an absent key can fail, and never says no', async () => {
    const healthy = withFaults(await open(), [])
    expect(await dataset(healthy).checkPresent(KEY)).toBe(false)
    expect(healthy.calls.length).toBeGreaterThanOrEqual(5)
    // The first look for an archive, beside the reading of the layout, only saves later ones time.
    const early = healthy.calls.findIndex(({ path }) => path === archivePath(DIRECTORY))
    for (const [i] of healthy.calls.entries()) {
      if (i === early) continue
      for (const kind of KINDS) {
        if (kind === 'conflict') continue // somebody changed it meanwhile: it is looked for again
        for (const at of ['before', 'after'] as const) {
          let call = -1
          const store = withFaults(await open(), () => {
            call += 1
            return call === i ? { fail: kind, at } : undefined
          })
          await expect(dataset(store).checkPresent(KEY), `call ${i}, ${kind}`).rejects.toBeInstanceOf(StoreError)
        }
      }
    }
  })

  test('says yes or fails for a key that is there, whatever goes wrong', async () => {
    const faults: Fault[] = [
      ...KINDS.map((fail) => ({ fail })),
      ...KINDS.map((fail) => ({ fail, at: 'after' as const })),
      { truncate: 0 },
      { flip: 0 },
    ]
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.double({ min: 0.05, max: 0.9, noNaN: true }), async (seed, rate) => {
        const asked = dataset(withFaults(await open({}, { [PLACE]: CONTENT }), seededFaults(seed, rate, faults)))
        for (let n = 0; n < 5; n++) {
          const answer = await asked.checkPresent(KEY).catch((error: unknown) => error)
          if (answer !== true) expect(answer).toBeInstanceOf(StoreError)
        }
      }),
    )
  })

  test('ends when the signal aborts, with an error', async () => {
    const store = withFaults(await open(), [{ stall: true, op: 'stat' }])
    const abort = new AbortController()
    const asking = dataset(store).checkPresent(KEY, { signal: abort.signal })
    setImmediate(() => abort.abort())
    await expect(asking).rejects.toMatchObject({ kind: 'aborted' })
  })
})

test('a key that is there costs one call, when calls cannot be made together and the layout is known', async () => {
  const memory = await memoryStore()
  await put(memory, PLACE, CONTENT)
  const store = withFaults(withTraits(memory, { looksTogether: false }), [])
  const asked = dataset(store)
  await asked.layout()
  const before = store.calls.length
  await asked.checkPresent(KEY)
  expect(store.calls.slice(before)).toEqual([{ op: 'stat', path: PLACE }])
})

test('a key is described by the place where it would be written', async () => {
  expect(await dataset(await memoryStore()).describe(KEY)).toBe(`memory:/${PLACE}`)
})
