import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StoreError, type StoreErrorKind } from '../../../src/core/errors.ts'
import { bufferSource } from '../../../src/core/source.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { type FaultPlan, type FaultyOp, type PlannedFault, withFaults } from '../../../src/store/wrappers/faulty.ts'
import { Retry, withRetry } from '../../../src/store/wrappers/retry.ts'
import { content, failingSource } from '../../support/stores/hostile-sources.ts'
import { listed, read, withMethods, write } from '../../support/stores/stores.ts'

const SETTINGS = { retries: 3, minDelayMs: 100, maxDelayMs: 1000 }
const ALWAYS = Number.POSITIVE_INFINITY
const BYTES = content(60_000)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A store that fails by plan, beneath the retry; with a file in it. */
async function retriedStore(plan: FaultPlan) {
  const memory = openMemoryStore()
  await write(memory, 'file', BYTES)
  const faulty = withFaults(memory, plan)
  return { store: withRetry(faulty, SETTINGS), faulty, memory }
}

/** The end of a call, when all the pauses in it are over. */
async function settle<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const settled = Promise.allSettled([promise])
  await vi.runAllTimersAsync()
  const [result] = await settled
  return result
}

async function expectFailure(promise: Promise<unknown>, fields: object): Promise<void> {
  const result = await settle(promise)
  expect(result).toMatchObject({ status: 'rejected', reason: fields })
}

describe('withRetry', () => {
  it.each(['transient', 'unreachable'] as const)('tries again what was %s, till it works', async (kind) => {
    const ops: FaultyOp[] = ['stat', 'get', 'put', 'remove', 'append', 'list']
    const { store, faulty, memory } = await retriedStore(ops.map((op) => ({ fail: kind, op, times: 3 })))
    await settle(store.append('log', Buffer.from('line')))
    expect(await settle(store.stat('file'))).toMatchObject({ value: { size: BYTES.length } })
    expect(await settle(read(store, 'file'))).toMatchObject({ value: BYTES })
    await settle(store.put('new', bufferSource('new')))
    expect((await read(memory, 'new')).toString()).toBe('new')
    expect(await settle(listed(store.list('')))).toMatchObject({ value: { length: 3 } })
    await settle(store.remove('file'))
    expect(await memory.stat('file')).toBeUndefined()
    expect(faulty.calls).toHaveLength(4 * ops.length)
  })

  it('gives up when it has tried often enough, with the last error', async () => {
    const { store, faulty } = await retriedStore([{ fail: 'transient', times: ALWAYS }])
    await expectFailure(store.stat('file'), { kind: 'transient' })
    expect(faulty.calls).toHaveLength(1 + SETTINGS.retries)
  })

  const finalKinds: StoreErrorKind[] = ['missing', 'denied', 'corrupt', 'conflict', 'full', 'unsupported', 'aborted']
  it.each(finalKinds)('does not try again what was %s', async (kind) => {
    const { store, faulty } = await retriedStore([{ fail: kind, times: ALWAYS }])
    await expect(store.stat('file')).rejects.toMatchObject({ kind })
    await expect(store.put('file', bufferSource('x'))).rejects.toMatchObject({ kind })
    await expect(listed(store.list(''))).rejects.toMatchObject({ kind })
    expect(faulty.calls).toHaveLength(3)
  })

  it('does not try again a call that stalled', async () => {
    const error = new StoreError({ kind: 'unreachable', op: 'stat', where: 'x', message: 'silence', stalled: true })
    const stat = vi.fn(() => Promise.reject(error))
    const store = withRetry(withMethods(openMemoryStore(), { stat }), SETTINGS)
    await expect(store.stat('file')).rejects.toBe(error)
    expect(stat).toHaveBeenCalledTimes(1)
  })

  it('waits longer from pause to pause, within the bounds, and not always the same', async () => {
    const pauses: number[][] = []
    for (let run = 0; run < 20; run++) {
      const times: number[] = []
      const stat = () => {
        times.push(Date.now())
        return Promise.reject(new StoreError({ kind: 'transient', op: 'stat', where: 'x', message: 'busy' }))
      }
      const store = withRetry(withMethods(openMemoryStore(), { stat }), { ...SETTINGS, retries: 6 })
      await settle(store.stat('file'))
      pauses.push(times.slice(1).map((time, i) => time - (times[i] ?? 0)))
    }
    for (const run of pauses) {
      expect(run).toHaveLength(6)
      for (const [i, pause] of run.entries()) {
        expect(pause).toBeGreaterThanOrEqual(Math.min(100 * 2 ** i, 1000))
        expect(pause).toBeLessThanOrEqual(Math.min(200 * 2 ** i, 1000))
      }
    }
    expect(new Set(pauses.map(([first]) => first)).size).toBeGreaterThan(5)
  })
})

describe('withRetry and what could be done twice', () => {
  const puts = async (fault: PlannedFault, ifAbsent: boolean) => {
    const { store, faulty } = await retriedStore([fault])
    const result = await settle(store.put('new', bufferSource('x'), { ifAbsent }))
    return { tries: faulty.calls.length, ok: result.status === 'fulfilled' }
  }

  it('tries a put-if-absent again only if the backend certainly did not act', async () => {
    expect(await puts({ fail: 'unreachable', at: 'after' }, true)).toEqual({ tries: 1, ok: false })
    expect(await puts({ fail: 'unreachable', at: 'before' }, true)).toEqual({ tries: 2, ok: true })
    expect(await puts({ fail: 'unreachable', at: 'after' }, false)).toEqual({ tries: 2, ok: true })
  })

  it('never appends twice', async () => {
    const { store, memory } = await retriedStore([
      { fail: 'transient', op: 'append', at: 'before' },
      { fail: 'transient', op: 'append', at: 'after', nth: 2 },
    ])
    await expectFailure(store.append('log', Buffer.from('line')), { kind: 'transient' })
    expect((await read(memory, 'log')).toString()).toBe('line')
  })

  it('starts a list again only while it has given nothing', async () => {
    const { store, faulty } = await retriedStore([
      { fail: 'transient', op: 'list', at: 0 },
      { fail: 'transient', op: 'list', at: 1, nth: 2 },
    ])
    const seen: string[] = []
    const readAll = async () => {
      for await (const { path } of store.list('')) seen.push(path)
    }
    await expectFailure(readAll(), { kind: 'transient' })
    expect(seen).toEqual(['file'])
    expect(faulty.calls).toHaveLength(2)
  })
})

describe('withRetry and its own caller', () => {
  const busy = new StoreError({ kind: 'transient', op: 'put', where: 'elsewhere', message: 'busy' })

  it('does not try again when the consumer throws, be it what the backend could have thrown', async () => {
    const { store, faulty } = await retriedStore([])
    const get = store.get('file', async (bytes) => {
      for await (const _ of bytes) throw busy
    })
    await expect(get).rejects.toBe(busy)
    expect(faulty.calls).toHaveLength(1)
  })

  it('does not try again when the source throws', async () => {
    const { store, faulty } = await retriedStore([])
    await expect(store.put('new', failingSource(1000, 500, busy))).rejects.toBe(busy)
    expect(faulty.calls).toHaveLength(1)
  })

  it('reads a source anew for each try', async () => {
    const { store, memory } = await retriedStore([{ fail: 'unreachable', op: 'put', at: 500 }])
    expect((await settle(store.put('new', bufferSource(BYTES)))).status).toBe('fulfilled')
    expect((await read(memory, 'new')).equals(BYTES)).toBe(true)
  })

  it('tries again when the bytes fail, though the consumer throws an error of its own then', async () => {
    const { store } = await retriedStore([{ fail: 'unreachable', op: 'get', at: 30_000, times: 2 }])
    const own = new Error('could not read')
    let tries = 0
    const get = store.get('file', async (bytes) => {
      tries += 1
      try {
        for await (const _ of bytes);
      } catch {
        throw own
      }
    })
    expect((await settle(get)).status).toBe('fulfilled')
    expect(tries).toBe(3)
  })

  it('gives the error of the consumer when it gives up because the bytes failed', async () => {
    const { store } = await retriedStore([{ fail: 'transient', op: 'get', at: 30_000, times: ALWAYS }])
    const own = new Error('could not read')
    const get = store.get('file', async (bytes) => {
      for await (const _ of readOrThrow(bytes, own));
    })
    expect(await settle(get)).toMatchObject({ status: 'rejected', reason: own })
  })

  it('asks for the range anew at each try, so that a download goes on where it was', async () => {
    const { store, faulty } = await retriedStore([
      { fail: 'unreachable', op: 'get', at: 20_000 },
      { fail: 'unreachable', op: 'get', at: 25_000, nth: 2 },
    ])
    const parts: Buffer[] = []
    let length = 0
    const get = store.get(
      'file',
      async (bytes) => {
        for await (const chunk of bytes) {
          parts.push(Buffer.from(chunk))
          length += chunk.length
        }
      },
      { range: () => ({ start: length }) },
    )
    expect((await settle(get)).status).toBe('fulfilled')
    expect(Buffer.concat(parts).equals(BYTES)).toBe(true)
    expect(faulty.calls).toHaveLength(3)
  })

  it('ends a pause at once when it is aborted, and tries no more', async () => {
    const { faulty } = await retriedStore([{ fail: 'transient', times: ALWAYS }])
    const store = withRetry(faulty, { retries: 3, minDelayMs: 60_000, maxDelayMs: 60_000 })
    const controller = new AbortController()
    const stat = store.stat('file', { signal: controller.signal }).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(1000)
    controller.abort()
    expect(await stat).toMatchObject({ kind: 'aborted', op: 'stat', where: 'memory:/file' })
    await vi.runAllTimersAsync()
    expect(faulty.calls).toHaveLength(1)
  })

  it('keeps a result that came although the signal aborted meanwhile', async () => {
    const controller = new AbortController()
    const { memory } = await retriedStore([])
    let tries = 0
    const stat = async () => {
      tries += 1
      if (tries === 1) throw busy
      controller.abort()
      return memory.stat('file')
    }
    const store = withRetry(withMethods(memory, { stat }), SETTINGS)
    expect(await settle(store.stat('file', { signal: controller.signal }))).toMatchObject({
      value: { size: BYTES.length },
    })
  })
})

describe('withRetry and a backend that is down', () => {
  const down = { fail: 'unreachable', times: ALWAYS } as const
  const tries = async (faulty: { calls: readonly unknown[] }, call: () => Promise<unknown>) => {
    const before = faulty.calls.length
    const settled = Promise.allSettled([call()])
    await vi.advanceTimersByTimeAsync(5000)
    await settled
    return faulty.calls.length - before
  }

  it('tries once only for ten seconds after it gave up, then as often as ever', async () => {
    const { store, faulty } = await retriedStore([down])
    await settle(store.stat('file'))
    expect(faulty.calls).toHaveLength(4)
    const quick = Array.from({ length: 1000 }, () => store.stat('file'))
    for (const { status } of await Promise.allSettled(quick)) expect(status).toBe('rejected') // without any pause
    expect(faulty.calls).toHaveLength(1004)
    await vi.advanceTimersByTimeAsync(9_900)
    expect(await tries(faulty, () => store.stat('file'))).toBe(1)
    expect(await tries(faulty, () => store.stat('file'))).toBe(4)
  })

  it('ends the tries of the other calls too when one gives up', async () => {
    const { store, faulty } = await retriedStore([down])
    const first = settle(store.stat('file'))
    const others = Array.from({ length: 3 }, () => settle(store.stat('other')))
    await Promise.all([first, ...others])
    expect(faulty.calls.length).toBeLessThanOrEqual(16)
    expect(await tries(faulty, () => store.stat('file'))).toBe(1)
  })

  it('tries again as ever as soon as a call went well', async () => {
    const { store, faulty } = await retriedStore([
      { fail: 'unreachable', times: 4 },
      { fail: 'unreachable', nth: 6, times: 2 },
    ])
    await settle(store.stat('file'))
    expect(await tries(faulty, () => store.stat('file'))).toBe(1)
    expect(await tries(faulty, () => store.stat('file'))).toBe(3)
  })

  it('tries again as ever as soon as the backend answered, be it with a refusal', async () => {
    const { store, faulty } = await retriedStore([
      { fail: 'unreachable', times: 4 },
      { fail: 'denied', nth: 5 },
      { fail: 'unreachable', nth: 6, times: 2 },
    ])
    await settle(store.stat('file'))
    expect(await tries(faulty, () => store.stat('file'))).toBe(1)
    expect(await tries(faulty, () => store.stat('file'))).toBe(3)
  })

  it('tries again what is transient, for the backend is there', async () => {
    const { store, faulty } = await retriedStore([
      { fail: 'unreachable', times: 4 },
      { fail: 'transient', nth: 5, times: 2 },
    ])
    await settle(store.stat('file'))
    expect(await tries(faulty, () => store.stat('file'))).toBe(3)
  })
})

describe('a call of which a part is tried again by itself', () => {
  it.each(['transient', 'unreachable'] as const)('is not begun anew when the part was given up (%s)', async (kind) => {
    const retry = new Retry(SETTINGS)
    const counts = { puts: 0, parts: 0 }
    const sendPart = async () => {
      counts.parts += 1
      throw new StoreError({ kind, op: 'put', where: 'part', message: 'failed', sent: 'no' })
    }
    const put: Store['put'] = (_path, _source, options) => {
      counts.puts += 1
      return retry.run(options, sendPart)
    }
    const store = withRetry(withMethods(openMemoryStore(), { put }), SETTINGS, retry)
    await expectFailure(store.put('file', bufferSource('x')), { kind, where: 'part' })
    expect(counts).toEqual({ puts: 1, parts: 4 })
  })
})

async function* readOrThrow(bytes: AsyncIterable<Uint8Array>, error: Error): AsyncIterable<Uint8Array> {
  try {
    yield* bytes
  } catch {
    throw error
  }
}
