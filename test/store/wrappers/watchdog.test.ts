import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { CallOptions, Entry, Stat, Store } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { withWatchdog } from '../../../src/store/wrappers/watchdog.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { listed, read, withMethods, write } from '../../support/stores/stores.ts'

const STALL_MS = 30_000
const STAT: Stat = { size: 3, mtimeMs: 0, identity: 'x' }
const STALLED = { kind: 'unreachable', stalled: true, reason: 'no progress for 30 s' }

const never = () => new Promise<never>(() => {})
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function watchedStore(methods: Partial<Store> = {}): Store {
  return withWatchdog(withMethods(openMemoryStore(), methods), { stallMs: STALL_MS })
}

/** The end of a call and when it came, in ms from now. */
async function end<T>(promise: Promise<T>): Promise<{ value?: T; error?: unknown; ms: number }> {
  const start = Date.now()
  const ended = promise.then(
    (value) => ({ value, ms: Date.now() - start }),
    (error: unknown) => ({ error, ms: Date.now() - start }),
  )
  await vi.runAllTimersAsync()
  return ended
}

describe('withWatchdog', () => {
  it('does not count the time in which our process was stopped, or its machine slept', async () => {
    vi.useRealTimers()
    const answer = async () => {
      await pause(100)
      // Nothing in this process goes on meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
      await pause(200)
      return STAT
    }
    const store = withWatchdog(withMethods(openMemoryStore(), { stat: answer }), { stallMs: 1_000 })
    expect(await store.stat('file')).toEqual(STAT)
  })

  const silent: readonly [string, (store: Store) => Promise<unknown>][] = [
    ['stat', (store) => store.stat('file')],
    ['get', (store) => read(store, 'file')],
    ['put', (store) => store.put('file', bufferSource('x'))],
    ['remove', (store) => store.remove('file')],
    ['append', (store) => store.append('file', Buffer.from('x'))],
    ['list', (store) => listed(store.list('directory'))],
  ]
  it.each(silent)('ends a %s in which nothing happens, though the backend does not listen', async (op, call) => {
    const list = () => ({ [Symbol.asyncIterator]: () => ({ next: never }) })
    const store = watchedStore({ stat: never, get: never, put: never, remove: never, append: never, list })
    const { error, ms } = await end(call(store))
    expect(error).toMatchObject({ ...STALLED, op, where: op === 'list' ? 'memory:/directory' : 'memory:/file' })
    expect(ms).toBe(STALL_MS)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits as long as the backend says that a step may take in silence, and no longer', async () => {
    const steps = async (_path: string, options: CallOptions = {}, lastMs = 0) => {
      const onEnd = options.onSilence?.(10 * STALL_MS)
      await pause(9 * STALL_MS)
      options.onProgress?.(0)
      await pause(9 * STALL_MS)
      onEnd?.()
      await pause(lastMs)
      return STAT
    }
    expect(await end(watchedStore({ stat: steps }).stat('file'))).toEqual({ value: STAT, ms: 18 * STALL_MS })
    const slowAtTheEnd = (path: string, options?: CallOptions) => steps(path, options, 2 * STALL_MS)
    const { error, ms } = await end(watchedStore({ stat: slowAtTheEnd }).stat('file'))
    expect(error).toMatchObject(STALLED)
    expect(ms).toBe(19 * STALL_MS)
    const silent = (_path: string, options: CallOptions = {}) => {
      options.onSilence?.(10 * STALL_MS)
      return never()
    }
    expect(await end(watchedStore({ stat: silent }).stat('file'))).toMatchObject({ ms: 10 * STALL_MS })
  })

  it('tells the backend why, and gives the same error although the backend throws another', async () => {
    let reason: unknown
    const stat = (_path: string, { signal }: CallOptions = {}) =>
      new Promise<never>((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reason = signal.reason
          reject(new Error('socket hang up'))
        })
      })
    const { error } = await end(watchedStore({ stat }).stat('file'))
    expect(error).toMatchObject(STALLED)
    expect(reason).toBe(error)
  })

  it('passes results and failures on, and leaves no timer', async () => {
    const memory = openMemoryStore()
    const store = withWatchdog(withFaults(memory, [{ fail: 'denied', op: 'stat' }]), { stallMs: STALL_MS })
    await write(store, 'file', 'content')
    expect((await read(store, 'file')).toString()).toBe('content')
    await expect(store.stat('file')).rejects.toMatchObject({ kind: 'denied' })
    expect(await store.stat('other')).toBeUndefined()
    for await (const _ of store.list('')) break
    expect(vi.getTimerCount()).toBe(0)
  })

  it('goes by the longest silence, however long the whole takes', async () => {
    const gap = fc.integer({ min: 0, max: STALL_MS + 5_000 }).filter((ms) => ms !== STALL_MS)
    await fc.assert(
      fc.asyncProperty(fc.array(gap, { minLength: 1, maxLength: 8 }), async (gaps) => {
        const stat = async (_path: string, options: CallOptions = {}) => {
          for (const ms of gaps) {
            await pause(ms)
            options.onProgress?.(0)
          }
          return STAT
        }
        const { value, error } = await end(watchedStore({ stat }).stat('file'))
        if (gaps.every((ms) => ms < STALL_MS)) expect(value).toBe(STAT)
        else expect(error).toMatchObject(STALLED)
      }),
    )
  })

  it('hands the progress of the backend on', async () => {
    const store = watchedStore()
    await write(store, 'file', content(100_000))
    const progress: number[] = []
    await read(store, 'file', { onProgress: (bytes) => progress.push(bytes) })
    expect(progress.at(-1)).toBe(100_000)
  })

  it('passes an abort of the caller on, with its reason', async () => {
    const store = withWatchdog(withFaults(openMemoryStore(), [{ stall: true, times: 2 }]), { stallMs: STALL_MS })
    const controller = new AbortController()
    const stat = store.stat('file', { signal: controller.signal }).catch((error: unknown) => error)
    const reason = new Error('git-annex went away')
    controller.abort(reason)
    expect(await stat).toMatchObject({ kind: 'aborted', cause: reason })
    const late = store.stat('file', { signal: controller.signal })
    await expect(late).rejects.toMatchObject({ kind: 'aborted', cause: reason })
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([0, Number.POSITIVE_INFINITY])('is the store itself when the limit is %d', (stallMs) => {
    const store = openMemoryStore()
    expect(withWatchdog(store, { stallMs })).toBe(store)
  })
})

describe('withWatchdog and a get', () => {
  /** A backend that gives chunks after such pauses, and then nothing. */
  const giving = (...pauses: number[]): Store['get'] => {
    const bytes = async function* () {
      for (const ms of pauses) {
        await pause(ms)
        yield Buffer.from('x')
      }
      await never()
    }
    return (_path, consume) => consume(bytes(), STAT)
  }

  it('takes every chunk for progress, and ends when no more come', async () => {
    const { error, ms } = await end(read(watchedStore({ get: giving(20_000, 25_000, 29_000) }), 'file'))
    expect(error).toMatchObject(STALLED)
    expect(ms).toBe(20_000 + 25_000 + 29_000 + STALL_MS)
  })

  it('does not count the time that the consumer takes', async () => {
    const store = watchedStore()
    await write(store, 'file', content(50_000))
    const get = store.get('file', async (bytes) => {
      await pause(100_000)
      for await (const _ of bytes) await pause(100_000)
      await pause(100_000)
    })
    const { error, ms } = await end(get)
    expect(error).toBeUndefined()
    expect(ms).toBeGreaterThan(500_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends when the backend falls silent after a slow consumer', async () => {
    const get: Store['get'] = async (_path, consume) => {
      await consume(bufferSource('x').open(), STAT)
      await never()
    }
    const slow = watchedStore({ get }).get('file', () => pause(70_000))
    expect(await end(slow)).toMatchObject({ error: STALLED, ms: 70_000 + STALL_MS })
  })

  it('lets the consumer tidy up before it rejects, and calls none afterwards', async () => {
    const events: string[] = []
    let consumeLater = () => Promise.resolve()
    const get: Store['get'] = async (path, consume) => {
      consumeLater = () => consume(bufferSource('x').open(), STAT)
      await giving(0)(path, consume)
    }
    const call = watchedStore({ get }).get('file', async (bytes) => {
      try {
        for await (const _ of bytes);
      } finally {
        await pause(5_000)
        events.push('consumer done')
      }
    })
    const { error, ms } = await end(call.finally(() => events.push('get done')))
    expect(error).toMatchObject(STALLED)
    expect(ms).toBe(STALL_MS + 5_000)
    expect(events).toEqual(['consumer done', 'get done'])
    await expect(consumeLater()).rejects.toMatchObject(STALLED)
  })
})

describe('withWatchdog and a put', () => {
  it('does not count the time that the source takes', async () => {
    const slow = {
      size: 3,
      async *open() {
        for (const text of ['a', 'b', 'c']) {
          await pause(100_000)
          yield Buffer.from(text)
        }
      },
    }
    const { value, ms } = await end(watchedStore().put('file', slow))
    expect(value?.size).toBe(3)
    expect(ms).toBe(300_000)
  })

  it('takes every read of the source for progress, and ends when no more come', async () => {
    const put: Store['put'] = async (_path, source) => {
      for await (const _ of source.open()) await pause(20_000)
      return never()
    }
    const chunks = { size: 3, open: () => bytesOf('a', 'b', 'c') }
    expect(await end(watchedStore({ put }).put('file', chunks))).toMatchObject({
      error: STALLED,
      ms: 60_000 + STALL_MS,
    })
  })

  it('lets a backend that goes on nevertheless read no more of the source', async () => {
    let outcome: unknown
    const put: Store['put'] = async (_path, source) => {
      const chunks = source.open()[Symbol.asyncIterator]()
      await chunks.next()
      await pause(STALL_MS + 1000)
      outcome = await chunks.next().catch((error: unknown) => error)
      return STAT
    }
    const chunks = { size: 2, open: () => bytesOf('a', 'b') }
    expect(await end(watchedStore({ put }).put('file', chunks))).toMatchObject({ error: STALLED, ms: STALL_MS })
    expect(outcome).toMatchObject(STALLED)
  })
})

describe('withWatchdog and a list', () => {
  const entries = async function* (...pauses: number[]): AsyncIterable<Entry> {
    for (const [i, ms] of pauses.entries()) {
      await pause(ms)
      yield { path: String(i), ...STAT }
    }
  }

  it('does not count the time that its reader takes, and keeps no timer meanwhile', async () => {
    const store = watchedStore({ list: () => entries(25_000, 25_000, 25_000) })
    let count = 0
    const readSlowly = async () => {
      for await (const _ of store.list('')) {
        count += 1
        await pause(100_000)
      }
    }
    expect(await end(readSlowly())).toEqual({ ms: 375_000 })
    expect(count).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends when the next entry does not come', async () => {
    const store = watchedStore({ list: () => entries(25_000, STALL_MS + 1) })
    expect(await end(listed(store.list('')))).toMatchObject({ error: STALLED, ms: 25_000 + STALL_MS })
  })
})

async function* bytesOf(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}
