import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { type FaultPlan, seededFaults, withFaults } from '../../../src/store/wrappers/faulty.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { listed, read, write } from '../../support/stores/stores.ts'

const BYTES = content(50_000)

/** A faulty store with one file in it, and the store beneath. */
async function faultyStore(plan: FaultPlan) {
  const inner = openMemoryStore()
  await write(inner, 'file', BYTES)
  return { store: withFaults(inner, plan), inner }
}

describe('withFaults', () => {
  it('fails the n-th call of an operation with the kind that is planned, and no other call', async () => {
    const { store } = await faultyStore([{ fail: 'transient', op: 'stat', nth: 2 }])
    await read(store, 'file')
    await store.stat('file')
    await expect(store.stat('file')).rejects.toMatchObject({ kind: 'transient', sent: 'no', op: 'stat' })
    await store.stat('file')
  })

  it('fails several calls in a row, or those of one path', async () => {
    const { store } = await faultyStore([
      { fail: 'denied', op: 'remove', times: 2 },
      { fail: 'full', path: 'other', times: Number.POSITIVE_INFINITY },
    ])
    for (const kind of ['denied', 'denied']) await expect(store.remove('x')).rejects.toMatchObject({ kind })
    await store.remove('x')
    await expect(store.stat('other')).rejects.toMatchObject({ kind: 'full' })
    await expect(store.put('other', bufferSource(''))).rejects.toMatchObject({ kind: 'full' })
    expect(await store.stat('file')).toBeDefined()
  })

  it('fails after the backend has acted, when that is planned', async () => {
    const { store, inner } = await faultyStore([{ fail: 'unreachable', op: 'put', at: 'after' }])
    await expect(store.put('new', bufferSource('x'))).rejects.toMatchObject({ kind: 'unreachable', sent: 'maybe' })
    expect(await inner.stat('new')).toBeDefined()
  })

  it('breaks a get, a put or a list off in the middle, at the very byte or entry', async () => {
    const { store, inner } = await faultyStore([
      { fail: 'unreachable', op: 'get', at: 20_001 },
      { fail: 'transient', op: 'put', at: 20_001 },
      { fail: 'transient', op: 'list', at: 1 },
    ])
    let length = 0
    const count = async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const chunk of bytes) length += chunk.length
    }
    await expect(store.get('file', count)).rejects.toMatchObject({ kind: 'unreachable' })
    expect(length).toBe(20_001)
    await expect(store.put('new', bufferSource(BYTES))).rejects.toMatchObject({ kind: 'transient' })
    expect(await inner.stat('new')).toBeUndefined()
    await write(inner, 'second', 'x')
    const seen: string[] = []
    const readAll = async () => {
      for await (const { path } of store.list('')) seen.push(path)
    }
    await expect(readAll()).rejects.toMatchObject({ kind: 'transient' })
    expect(seen).toHaveLength(1)
  })

  it.each(['before', 'after', 30_000] as const)('stalls at %s until the signal aborts', async (at) => {
    const { store } = await faultyStore([{ stall: true, op: 'get', at }])
    const controller = new AbortController()
    const get = read(store, 'file', { signal: controller.signal })
    const first = await Promise.race([get, new Promise((resolve) => setTimeout(resolve, 20, 'still going on'))])
    expect(first).toBe('still going on')
    controller.abort()
    await expect(get).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('cuts a get short without an error: a lie', async () => {
    const { store } = await faultyStore([{ truncate: 17_000, op: 'get' }])
    expect((await read(store, 'file')).equals(BYTES.subarray(0, 17_000))).toBe(true)
    expect(await read(store, 'file')).toHaveLength(BYTES.length)
  })

  it('flips one bit of what a get gives, or of what a put stores', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: BYTES.length - 1 }), async (flip) => {
        const { store, inner } = await faultyStore([
          { flip, op: 'get' },
          { flip, op: 'put' },
        ])
        await write(store, 'new', BYTES)
        for (const bytes of [await read(store, 'file'), await read(inner, 'new')]) {
          const wrong = [...bytes.keys()].filter((i) => bytes[i] !== BYTES[i])
          expect(wrong).toEqual([flip])
          expect((bytes[flip] ?? 0) ^ (BYTES[flip] ?? 0)).toBe(1)
        }
      }),
      { numRuns: 10 },
    )
  })

  it('remembers the calls, also those that fail', async () => {
    const { store } = await faultyStore([{ fail: 'denied', op: 'stat' }])
    await store.stat('file').catch(() => {})
    await listed(store.list('a'))
    expect(store.calls).toEqual([
      { op: 'stat', path: 'file' },
      { op: 'list', path: 'a' },
    ])
  })
})

describe('seededFaults', () => {
  const outcomes = async (seed: number, rate: number) => {
    const { store } = await faultyStore(seededFaults(seed, rate, [{ fail: 'transient' }, { fail: 'unreachable' }]))
    const calls = Array.from({ length: 200 }, () => store.stat('file'))
    return (await Promise.allSettled(calls)).map((result) =>
      result.status === 'fulfilled' ? 'ok' : (result.reason.kind as string),
    )
  }

  it('hits the same calls with the same seed, others with another', async () => {
    expect(await outcomes(7, 0.3)).toEqual(await outcomes(7, 0.3))
    expect(await outcomes(7, 0.3)).not.toEqual(await outcomes(8, 0.3))
  })

  it('hits about as many calls as it should, with all the faults', async () => {
    const some = await outcomes(1, 0.3)
    const hit = some.filter((outcome) => outcome !== 'ok')
    expect(hit.length).toBeGreaterThan(30)
    expect(hit.length).toBeLessThan(90)
    expect(new Set(some)).toEqual(new Set(['ok', 'transient', 'unreachable']))
    expect(new Set(await outcomes(1, 0))).toEqual(new Set(['ok']))
  })
})
