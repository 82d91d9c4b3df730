import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RefLog } from '../../../src/git/refs/ref-log.ts'
import { EMPTY_STATE, formatState, isRefName, parseState, type RefState } from '../../../src/git/refs/ref-state.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { write } from '../../support/stores/stores.ts'

const ID = 'a'.repeat(40)
const state = (generation: number, name = 'main'): RefState => ({
  generation,
  head: 'refs/heads/main',
  refs: new Map([[`refs/heads/${name}`, ID]]),
  peeled: new Map(),
  packs: [`pack-${ID}`],
  loose: [],
  merged: new Map(),
  aliases: [],
})

describe('the ref log', () => {
  test('is empty where nothing was pushed', async () => {
    expect(await new RefLog(new StoredDataset(openMemoryStore(), 'abc/def')).newest()).toEqual(EMPTY_STATE)
  })

  test('gives the newest state that was committed', async () => {
    const log = new RefLog(new StoredDataset(openMemoryStore(), 'abc/def'))
    for (const generation of [1, 2, 3]) expect(await log.commit(state(generation, `branch-${generation}`))).toBe(true)
    expect(await log.newest()).toEqual(state(3, 'branch-3'))
  })

  test('lets one of many commit a generation', async () => {
    const store = openMemoryStore()
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, i) => new RefLog(new StoredDataset(store, 'abc/def')).commit(state(1, `of-${i}`))),
    )
    expect(won.filter(Boolean)).toHaveLength(1)
    expect((await new RefLog(new StoredDataset(store, 'abc/def')).newest()).refs).toEqual(
      state(1, `of-${won.indexOf(true)}`).refs,
    )
  })

  test('knows its own commit whose answer was lost and that was tried again', async () => {
    const memory = openMemoryStore()
    let puts = 0
    const store = {
      ...withFaults(memory, []),
      put: async (...all: Parameters<typeof memory.put>) => {
        puts += 1
        await memory.put(...all)
        return memory.put(...all) // the second try meets the file of the first
      },
    }
    expect(await new RefLog(new StoredDataset(store, 'abc/def')).commit(state(1))).toBe(true)
    expect(puts).toBe(1)
  })

  test('finds out that a commit was late: what came meanwhile is tidied away, all but the newest', async () => {
    const store = openMemoryStore()
    const late = new RefLog(new StoredDataset(store, 'abc/def'))
    const log = new RefLog(new StoredDataset(store, 'abc/def'))
    await log.commit(state(1))
    await late.newest()
    for (const generation of [2, 3]) {
      await log.newest()
      await log.commit(state(generation, `of-others-${generation}`))
    }
    await store.remove('abc/def/riastore/refs/0000000001')
    await store.remove('abc/def/riastore/refs/0000000002')
    expect(await late.commit(state(2, 'late'))).toBe(true)
    expect((await late.newerThan(state(2, 'late')))?.generation).toBe(3)
    await expect(late.requireKept()).rejects.toThrow(/it is lost: push again/)
    await log.requireKept()
  })

  test.each(['', '{}', 'x', JSON.stringify({ format: 1, generation: 1, refs: { bad: 'x' }, packs: [] })])(
    'does not take %j for a state',
    async (text) => {
      const store = openMemoryStore()
      await write(store, 'abc/def/riastore/refs/0000000001', text)
      await expect(new RefLog(new StoredDataset(store, 'abc/def')).newest()).rejects.toMatchObject({ kind: 'corrupt' })
    },
  )

  test('passes on what stands in the way of looking', async () => {
    for (const op of ['list', 'get'] as const) {
      const memory = openMemoryStore()
      await new RefLog(new StoredDataset(memory, 'abc/def')).commit(state(1))
      const store = withFaults(memory, [{ fail: 'unreachable', op }])
      await expect(new RefLog(new StoredDataset(store, 'abc/def')).newest()).rejects.toMatchObject({
        kind: 'unreachable',
      })
    }
  })
})

test('a state that was written is read as it was, whatever its refs', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .map((text) => `refs/heads/${text}`)
    .filter(isRefName)
  const id = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 })
  fc.assert(
    fc.property(fc.array(fc.tuple(name, id)), fc.integer({ min: 1 }), (refs, generation) => {
      const written = {
        generation,
        head: 'refs/heads/main',
        refs: new Map(refs),
        peeled: new Map([['refs/tags/v1', ID]]),
        packs: [`pack-${ID}`],
        loose: [],
        merged: new Map([[`pack-${ID}`, [`pack-${ID}`]]]),
        aliases: ['a', 'b'],
      }
      expect(parseState(formatState(written, 'token', 'before'), generation)).toEqual({
        state: written,
        token: 'token',
        after: 'before',
      })
      expect(parseState(formatState(written, 'token'), generation + 1)).toBeUndefined()
    }),
  )
})
