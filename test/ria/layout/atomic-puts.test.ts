import { describe, expect, test } from 'vitest'
import { takeLock } from '../../../src/admin/lock/lock.ts'
import { forgetAtomicPuts, ROUNDS, recordAtomicPuts, requireAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { DIRECTORY, memoryStore, paths, put, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

/** Numbers between 0 and 1, the same ones for the same seed. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * A store whose server is asked to keep what is there, and in `odds` of all cases does not hear it.
 */
async function asked(odds: number, random = numbers(1)): Promise<Store> {
  const store = withTraits(await memoryStore(), { conditionalPuts: true })
  return withMethods(store, {
    put: (path, source, { ifAbsent = false, ...options } = {}) =>
      store.put(path, source, { ...options, ifAbsent: ifAbsent && random() >= odds }),
  })
}

const isTried = async (store: Store) => {
  const counting = withFaults(store, [])
  await requireAtomicPuts(new StoredDataset(counting, DIRECTORY), 'lock')
  return counting.calls.filter(({ op }) => op === 'put').length > ROUNDS
}

describe('put-if-absent, where a server is asked for it,', () => {
  test('is tried so often that one which lets two win in a third of all rounds is missed less than once in 10,000 times', () => {
    expect((2 / 3) ** ROUNDS).toBeLessThan(1 / 10_000)
  })

  test('is found out, by the name of what the server ignores, wherever something rests on it', async () => {
    // About 3 in 10 rounds are clean, as was seen of Swift.
    for (let seed = 1; seed <= 100; seed++) {
      const store = await asked(0.1, numbers(seed))
      await expect(takeLock(new StoredDataset(store, DIRECTORY))).rejects.toMatchObject({
        kind: 'unsupported',
        message: expect.stringMatching(/nothing was done: .*ignores If-None-Match .* of 12 who stored/),
      })
      expect((await paths(store)).filter((path) => /archives|riastore/.test(path))).toEqual([])
    }
  })

  test('is tried once a week, and what was found out is kept in the store', async () => {
    const store = await asked(0)
    expect(await isTried(store)).toBe(true)
    expect(await isTried(store)).toBe(false)
    const [record = ''] = (await paths(store)).filter((path) => path.startsWith('riastore/'))
    const old = JSON.stringify({ root: store.traits.root, tried: '2026-01-01T00:00:00Z', rounds: ROUNDS, racers: 12 })
    await put(store, record, old)
    expect(await isTried(store)).toBe(true)
    await put(store, record, 'what is this?')
    expect(await isTried(store)).toBe(true)
    await forgetAtomicPuts(store)
    expect(await isTried(store)).toBe(true)
  })

  test('is tried anew in a store that was copied to another server', async () => {
    const store = await asked(0)
    await recordAtomicPuts(store, {})
    expect(await isTried(store)).toBe(false)
    expect(await isTried(withTraits(store, { root: 'another:' }))).toBe(true)
  })

  test('is tried in the dataset where nothing may be written above it, and each time where nothing can be kept', async () => {
    const store = await asked(0)
    const below = withFaults(store, ({ op, path }) =>
      op === 'put' && path.startsWith('riastore/') ? { fail: 'denied' } : undefined,
    )
    expect(await isTried(below)).toBe(true)
    expect(await isTried(below)).toBe(true)
  })

  test('is not tried where the system sees to it', async () => {
    expect(await isTried(await memoryStore())).toBe(false)
  })
})
