import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { isStoreError } from '../../src/core/errors.ts'
import { expire } from '../../src/git/expire.ts'
import { RefLog } from '../../src/git/refs/ref-log.ts'
import { EMPTY_STATE } from '../../src/git/refs/ref-state.ts'
import { StoredDataset } from '../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../src/store/store.ts'
import { copyingStore } from '../support/stores/copying-store.ts'
import { DIRECTORY, memoryStore, paths } from '../support/stores/memory-dataset.ts'
import { hurriedTime, stoppingAt } from '../support/stores/stopping-store.ts'
import { write } from '../support/stores/stores.ts'

const DAY_MS = 24 * 3_600_000
const [OLD, KEPT] = ['a', 'b'].map((digit) => `pack-${digit.repeat(40)}`) as [string, string]

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
beforeEach(() => vi.setSystemTime(Date.now() + DAY_MS))
afterAll(() => void vi.useRealTimers())

const packFile = (name: string, suffix: string) => `${DIRECTORY}/objects/pack/${name}.${suffix}`

async function putPack(store: Store, name: string): Promise<void> {
  for (const suffix of ['idx', 'pack']) await write(store, packFile(name, suffix), `${name} ${suffix}`)
}

async function push(store: Store, packs: readonly string[]): Promise<void> {
  const log = new RefLog(new StoredDataset(store, DIRECTORY))
  const { generation } = await log.newest()
  expect(await log.commit({ ...EMPTY_STATE, generation: generation + 1, packs })).toBe(true)
}

/** A repository of which a pack and two generations went out of use long ago. */
async function fill(store: Store): Promise<void> {
  await putPack(store, OLD)
  await push(store, [OLD])
  await putPack(store, KEPT)
  await push(store, [OLD, KEPT])
  await push(store, [KEPT])
  vi.setSystemTime(Date.now() + 30 * DAY_MS)
}

const tidy = (store: Store, time = hurriedTime()) =>
  expire(new StoredDataset(store, DIRECTORY), new RefLog(new StoredDataset(store, DIRECTORY)), {
    graceMs: 14 * DAY_MS,
    time,
  })

describe.each([
  ['in a store that renames', memoryStore],
  ['in a store that copies and removes', copyingStore],
])('%s', (_name, makeStore) => {
  test('what went out of use before the grace period goes, and leaves nothing', async () => {
    const store = await makeStore()
    await fill(store)
    expect(await tidy(store)).toMatchObject({ packs: 1, generations: 2 })
    expect((await paths(store)).filter((path) => path.includes('/objects/') || path.includes('/riastore/'))).toEqual([
      packFile(KEPT, 'idx'),
      packFile(KEPT, 'pack'),
      `${DIRECTORY}/riastore/gc`,
      `${DIRECTORY}/riastore/refs/0000000003`,
    ])
  })

  test('a run that is stopped at any step takes nothing from a push that makes the same pack anew meanwhile', async () => {
    for (let nth = 1; ; nth++) {
      const store = await makeStore()
      await fill(store)
      const time = hurriedTime()
      const stopping = stoppingAt(store, nth, async () => {
        await tidy(store)
        await time.sleep(60_000)
        vi.setSystemTime(Date.now() + 60_000)
        await putPack(store, OLD)
        await push(store, [KEPT, OLD])
      })
      await tidy(stopping, time).catch((error: unknown) => {
        if (!isStoreError(error, 'conflict', 'missing')) throw error
      })
      if (!stopping.wasStopped) break
      const left = await paths(store)
      for (const name of [OLD, KEPT]) {
        for (const suffix of ['idx', 'pack']) expect(left, stopping.at).toContain(packFile(name, suffix))
      }
      expect((await new RefLog(new StoredDataset(store, DIRECTORY)).newest()).packs).toEqual([KEPT, OLD])
      await tidy(store)
      expect((await paths(store)).filter((path) => path.includes('/aside/'))).toEqual([])
    }
  })
})
