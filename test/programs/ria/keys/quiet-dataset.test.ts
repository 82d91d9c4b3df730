import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SETTLE_MS } from '../../../../src/ria/keys/quiet-dataset.ts'
import { archivePath, keyPaths, LAYOUT_FILE } from '../../../../src/ria/layout/paths.ts'
import { lockPath, placesOf } from '../../../../src/ria/layout/places.ts'
import type { Store } from '../../../../src/store/store.ts'
import { makeArchive } from '../../../support/archives/real-archive.ts'
import { DIRECTORY, dataset, memoryStore, put, withTraits } from '../../../support/stores/memory-dataset.ts'
import { withMethods } from '../../../support/stores/stores.ts'

const CONTENT = Buffer.from('a key that is moved\n')
const KEY = `MD5E-s${CONTENT.length}--${createHash('md5').update(CONTENT).digest('hex')}.txt`
const [LOOSE = ''] = keyPaths(DIRECTORY, '2', KEY)
const ABSENT = KEY.replace('.txt', '.other')

let store: Store
/** What was looked for, oldest first. */
let looks: string[]
let beforeLook: (path: string) => Promise<unknown>

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  const memory = await memoryStore()
  beforeLook = async () => {}
  looks = []
  const stat: Store['stat'] = async (path, options) => {
    looks.push(path.slice(DIRECTORY.length + 1))
    await beforeLook(path)
    return memory.stat(path, options)
  }
  const statAll: Store['statAll'] = async (all, options) => {
    const found = []
    for (const path of all) found.push(await stat(path, options))
    return found
  }
  store = withTraits(withMethods(memory, { stat, statAll }), { flat: true, looksTogether: false })
})
afterEach(() => {
  vi.useRealTimers()
})

/** As riastore archive does, but for the lock. */
async function packKey(): Promise<void> {
  const [member = ''] = placesOf(KEY, '2')
  await put(store, archivePath(DIRECTORY), await makeArchive(new Map([[member, CONTENT]]), ['-mx0']))
  await store.remove(LOOSE)
}

describe('a dataset in an object store', () => {
  test('costs one look for each key, while nobody packs', async () => {
    const asked = dataset(store)
    await put(store, LOOSE, CONTENT)
    expect(await asked.checkPresent(ABSENT)).toBe(false)
    looks = []
    expect(await asked.checkPresent(KEY)).toBe(true)
    for (let i = 0; i < 5; i++) expect(await asked.checkPresent(`${ABSENT}${i}`)).toBe(false)
    expect(looks).toHaveLength(6)
  })

  test('is looked at again as soon as a key may have moved', async () => {
    const asked = dataset(store)
    await put(store, LOOSE, CONTENT)
    expect(await asked.checkPresent(ABSENT)).toBe(false)
    vi.advanceTimersByTime(SETTLE_MS)
    await packKey()
    expect(await asked.checkPresent(KEY)).toBe(true)
    expect(await asked.checkPresent(ABSENT)).toBe(false)
  })

  test.each(['Date', 'performance'] as const)('also when only one clock (%s) says that time went by', async (clock) => {
    const asked = dataset(store)
    await put(store, LOOSE, CONTENT)
    expect(await asked.checkPresent(ABSENT)).toBe(false)
    const now = clock === 'Date' ? vi.spyOn(Date, 'now') : vi.spyOn(performance, 'now')
    now.mockReturnValue((clock === 'Date' ? Date.now() : performance.now()) + SETTLE_MS)
    await packKey()
    expect(await asked.checkPresent(KEY)).toBe(true)
    now.mockRestore()
  })

  test('finds a key that is packed while it is looked for, however long the look takes', async () => {
    const asked = dataset(store)
    await put(store, LOOSE, CONTENT)
    expect(await asked.checkPresent(ABSENT)).toBe(false)
    beforeLook = async (path) => {
      if (path !== LOOSE) return
      beforeLook = async () => {}
      vi.advanceTimersByTime(SETTLE_MS)
      await packKey()
    }
    expect(await asked.checkPresent(KEY)).toBe(true)
  })

  test('believes nothing that it saw before while somebody packs', async () => {
    const asked = dataset(store)
    await put(store, LOOSE, CONTENT)
    await put(store, lockPath(DIRECTORY), 'somebody')
    expect(await asked.checkPresent(ABSENT)).toBe(false)
    await packKey()
    expect(await asked.checkPresent(KEY)).toBe(true)
  })

  test('that went away is unknown, a moment later', async () => {
    const asked = dataset(store)
    expect(await asked.checkPresent(KEY)).toBe(false)
    await store.remove(`${DIRECTORY}/${LAYOUT_FILE}`)
    vi.advanceTimersByTime(SETTLE_MS)
    await expect(asked.checkPresent(KEY)).rejects.toMatchObject({ kind: 'missing' })
  })

  test('from which a key is removed while somebody packs gets a tombstone', async () => {
    const asked = dataset(store)
    await put(store, LOOSE, CONTENT)
    await asked.remove(ABSENT)
    looks = []
    await asked.remove(ABSENT)
    expect(looks).toEqual([])
    vi.advanceTimersByTime(SETTLE_MS)
    await put(store, lockPath(DIRECTORY), 'somebody')
    await asked.remove(KEY)
    await packKey()
    expect(await asked.checkPresent(KEY)).toBe(false)
  })
})
