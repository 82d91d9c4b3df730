import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Stat } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { withLimit } from '../../../src/store/wrappers/limit.ts'
import { paths, read, withMethods, write } from '../../support/stores/stores.ts'

/** A store whose `stat` is answered when the test says so. */
function manualStore() {
  const waiting: ((stat: Stat | undefined) => void)[] = []
  let most = 0
  const stat = () => {
    const answer = new Promise<Stat | undefined>((resolve) => waiting.push(resolve))
    most = Math.max(most, waiting.length)
    return answer
  }
  return {
    store: withMethods(openMemoryStore(), { stat }),
    underWay: () => waiting.length,
    most: () => most,
    answerOne: (which = 0) => waiting.splice(which % waiting.length, 1)[0]?.(undefined),
  }
}

const soon = () => new Promise((resolve) => setImmediate(resolve))

describe('withLimit', () => {
  it('never has more calls under way than it may, and makes them all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(), { maxLength: 20 }), async (limit, order) => {
        const manual = manualStore()
        const store = withLimit(manual.store, { maxInFlight: limit })
        const calls = order.map(() => store.stat('file'))
        for (const which of order) {
          await soon()
          manual.answerOne(which)
        }
        await Promise.all(calls)
        expect(manual.most()).toBe(Math.min(limit, order.length))
      }),
    )
  })

  it('takes the limit that the store names when there is no other', async () => {
    const manual = manualStore()
    const traits = { ...manual.store.traits, maxInFlight: 3 }
    const store = withLimit(withMethods(manual.store, { traits }))
    for (let i = 0; i < 10; i++) store.stat('file')
    await soon()
    expect(manual.underWay()).toBe(3)
  })

  it('keeps the place of a get until its consumer is done', async () => {
    const store = withLimit(openMemoryStore(), { maxInFlight: 1 })
    await write(store, 'file', 'x')
    const events: string[] = []
    const get = store.get('file', async (bytes) => {
      for await (const _ of bytes);
      await new Promise((resolve) => setTimeout(resolve, 10))
      events.push('consumer done')
    })
    const stat = store.stat('file').then(() => events.push('stat done'))
    await Promise.all([get, stat])
    expect(events).toEqual(['consumer done', 'stat done'])
  })

  it('gives a place back when a call fails', async () => {
    const store = withLimit(withFaults(openMemoryStore(), [{ fail: 'denied', times: 3 }]), { maxInFlight: 1 })
    const calls = [store.stat('a'), store.remove('b'), read(store, 'c')]
    for (const call of calls) await expect(call).rejects.toMatchObject({ kind: 'denied' })
    expect(await store.stat('a')).toBeUndefined()
  })

  it('lets a waiting call be aborted at once, and never makes it', async () => {
    const manual = manualStore()
    const faulty = withFaults(manual.store, [])
    const store = withLimit(faulty, { maxInFlight: 1 })
    const controller = new AbortController()
    const first = store.stat('first')
    const second = store.stat('second', { signal: controller.signal })
    const third = store.stat('third', { signal: new AbortController().signal })
    controller.abort()
    await expect(second).rejects.toMatchObject({ kind: 'aborted', op: 'stat', where: 'memory:/second' })
    await expect(store.stat('late', { signal: controller.signal })).rejects.toMatchObject({ kind: 'aborted' })
    for (const call of [first, third]) {
      await soon()
      manual.answerOne()
      await call
    }
    expect(faulty.calls.map(({ path }) => path)).toEqual(['first', 'third'])
  })

  it('gives a list no place, so that its reader can use the store', async () => {
    const store = withLimit(openMemoryStore(), { maxInFlight: 1 })
    for (const name of ['a', 'b', 'c']) await write(store, name, name)
    let text = ''
    for await (const { path } of store.list('')) text += await read(store, path)
    expect(text).toBe('abc')
    expect(await paths(store, '')).toEqual(['a', 'b', 'c'])
  })
})
