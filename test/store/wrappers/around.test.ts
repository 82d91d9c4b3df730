import { describe, expect, test } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { CallOptions, Stat, Store } from '../../../src/store/store.ts'
import { around, type Layer } from '../../../src/store/wrappers/around.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { withLimit } from '../../../src/store/wrappers/limit.ts'
import { withRetry } from '../../../src/store/wrappers/retry.ts'
import { withStrictLinks } from '../../../src/store/wrappers/strict-links.ts'
import { withTrace } from '../../../src/store/wrappers/trace.ts'
import { withWatchdog } from '../../../src/store/wrappers/watchdog.ts'

type Method = Exclude<keyof Store, 'traits' | 'atOnce'>

const SOURCE = bufferSource('content')
const CONTENT = Buffer.from('more')
const STAT: Stat = { size: 7, mtimeMs: 1, identity: 'one' }
const consume = async () => {}
const onContent = () => {}
const options: CallOptions = { onProgress: () => {} }

/**
 * A call of each method, with every parameter it has: a new method does not compile until it is
 * here.
 */
const CALLS: Readonly<Record<Method, (store: Store) => unknown>> = {
  stat: (store) => store.stat('a/b', options),
  statAll: (store) => store.statAll(['a/b', 'c'], options),
  get: (store) => store.get('a/b', consume, { ...options, range: { start: 1 }, ifMatch: 'one' }),
  getSmall: (store) => store.getSmall?.([{ path: 'a/b', size: 7 }], { ...options, atOnce: 2, onContent }),
  put: (store) => store.put('a/b', SOURCE, { ...options, within: 'a' }),
  remove: (store) => store.remove('a/b', { ...options, pruneParents: 2 }),
  removeAll: (store) => store.removeAll?.(['a/b', 'c'], options),
  thaw: (store) => store.thaw?.('a/b', { ...options, ask: { days: 1, tier: 'Bulk' } }),
  keeping: (store) => store.keeping?.(options),
  removeOld: (store) => store.removeOld?.('a', options),
  list: async (store) => {
    const entries: unknown[] = []
    for await (const entry of store.list('a', options)) entries.push(entry)
    return entries
  },
  children: async (store) => {
    const entries: unknown[] = []
    for await (const entry of store.children('a', options)) entries.push(entry)
    return entries
  },
  append: (store) => store.append('a/b', CONTENT, { ...options, within: 'a' }),
  move: (store) => store.move('a/b', 'c', options),
  freeBytes: (store) => store.freeBytes('a', options),
  exec: (store) => store.exec(['ls', '-l'], { ...options, cwd: 'a' }),
  close: (store) => store.close(),
}

/** What each method of the store beneath answers. */
const ANSWERS: Readonly<Record<Method, unknown>> = {
  stat: STAT,
  statAll: [STAT, undefined],
  get: undefined,
  getSmall: undefined,
  put: STAT,
  remove: undefined,
  removeAll: undefined,
  thaw: { state: 'cold', size: 7, place: 'GLACIER' },
  keeping: { versioning: 'on', objectLock: 'off' },
  removeOld: { removed: 1, bytes: 7, left: 0 },
  list: [{ path: 'a/b', ...STAT }],
  children: [{ path: 'a/b', file: undefined }],
  append: undefined,
  move: undefined,
  freeBytes: 12,
  exec: { code: 3, stdout: Buffer.from('out'), stderr: 'err' },
  close: undefined,
}

const WRAPPERS: Readonly<Record<string, (store: Store) => Store>> = {
  trace: (store) => withTrace(store, { log: () => {} }),
  retry: (store) => withRetry(store, { retries: 1, minDelayMs: 1, maxDelayMs: 1 }),
  limit: (store) => withLimit(store),
  watchdog: (store) => withWatchdog(store, { stallMs: 60_000 }),
  faulty: (store) => withFaults(store, []),
}

/**
 * A store that notes what it is asked, without functions and sources, which wrappers put others in
 * the place of.
 */
function recording() {
  const calls: { readonly method: string; readonly given: readonly unknown[] }[] = []
  const method = (name: Method) => {
    return (...given: readonly unknown[]) => {
      calls.push({ method: name, given: given.map(plain) })
      if (name !== 'list' && name !== 'children') return Promise.resolve(ANSWERS[name])
      return (async function* () {
        yield* ANSWERS[name] as readonly unknown[]
      })()
    }
  }
  const methods = Object.fromEntries((Object.keys(CALLS) as Method[]).map((name) => [name, method(name)]))
  return { calls, store: { ...methods, traits: openMemoryStore().traits } as unknown as Store }
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value)) {
    return typeof value === 'function' ? 'a function' : value
  }
  if ('open' in value) return 'a source'
  const { signal: _signal, onProgress: _onProgress, onSilence: _onSilence, ...rest } = value as CallOptions
  return rest
}

describe.each(Object.entries(WRAPPERS))('%s', (_name, wrap) => {
  test.each(Object.keys(CALLS) as Method[])('passes %s on, with what was given and what is answered', async (name) => {
    const direct = recording()
    await CALLS[name](direct.store)
    const wrapped = recording()
    const answer = await CALLS[name](wrap(wrapped.store))
    expect(wrapped.calls).toEqual(direct.calls)
    expect(wrapped.calls.map(({ method }) => method)).toEqual([name])
    expect(answer).toEqual(ANSWERS[name])
  })

  test('tells the traits of the store beneath as they are at the moment', () => {
    const { store } = recording()
    const wrapped = wrap(store)
    const other = { ...store.traits, looksTogether: !store.traits.looksTogether }
    Object.defineProperty(store, 'traits', { value: other })
    expect(wrapped.traits).toBe(other)
  })

  test('has no removeAll, thaw and getSmall where the store beneath has none', () => {
    const wrapped = wrap({ ...recording().store, removeAll: undefined, thaw: undefined, getSmall: undefined })
    expect([wrapped.removeAll, wrapped.thaw, wrapped.getSmall]).toEqual([undefined, undefined, undefined])
  })
})

test('strict links are asked for in every call that reads, whatever its options', async () => {
  const { store, calls } = recording()
  const strict = withStrictLinks(store)
  for (const call of Object.values(CALLS)) await call(strict)
  await strict.stat('a/b')
  await strict.statAll(['a/b'])
  await strict.get('a/b', consume)
  for await (const _entry of strict.list('a')) break
  const reading = calls.filter(({ method }) => ['stat', 'statAll', 'get', 'list', 'children'].includes(method))
  expect(reading).toHaveLength(9)
  for (const { given } of reading) expect(given.at(-1)).toMatchObject({ strictLinks: true })
})

test('a layer stands around every method but those that list, and close', async () => {
  const seen: string[] = []
  const layer: Layer = {
    call(call, given, work) {
      seen.push(call.op)
      return work(given)
    },
  }
  const { store } = recording()
  const wrapped = around(store, layer)
  for (const call of Object.values(CALLS)) await call(wrapped)
  const looks = ['stat', 'stat', 'get', 'get', 'put', 'remove', 'remove', 'thaw', 'keeping', 'remove']
  expect(seen).toEqual([...looks, 'append', 'move', 'space', 'exec'])
})
