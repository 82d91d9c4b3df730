import { describe, expect, it } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { formatTrace, type TraceEvent, withTrace } from '../../../src/store/wrappers/trace.ts'
import { listed, read } from '../../support/stores/stores.ts'

function tracedStore(...faults: Parameters<typeof withFaults>[1] & readonly unknown[]) {
  const events: TraceEvent[] = []
  const store = withTrace(withFaults(openMemoryStore(), faults), { log: (event) => events.push(event) })
  return { store, told: () => events.map(({ op, path, outcome }) => `${op} ${path}: ${outcome}`), events }
}

describe('withTrace', () => {
  it('is the store itself when nobody listens', () => {
    const store = openMemoryStore()
    expect(withTrace(store, {})).toBe(store)
  })

  it('tells each call once, with what came of it', async () => {
    const { store, told, events } = tracedStore()
    await store.stat('file')
    await store.put('file', bufferSource('x'))
    await store.stat('file')
    await read(store, 'file')
    await listed(store.list(''))
    await store.append('file', Buffer.from('y'))
    await store.remove('file')
    expect(told()).toEqual([
      'stat file: absent',
      'put file: ok',
      'stat file: ok',
      'get file: ok',
      'list : ok',
      'append file: ok',
      'remove file: ok',
    ])
    for (const { ms } of events) expect(ms).toBeGreaterThanOrEqual(0)
  })

  it('tells the kind and the reason of a failure, and passes it on', async () => {
    const { store, told } = tracedStore({ fail: 'denied', op: 'stat' }, { fail: 'transient', op: 'list' })
    await expect(store.stat('file')).rejects.toMatchObject({ kind: 'denied' })
    await expect(listed(store.list('annex'))).rejects.toMatchObject({ kind: 'transient' })
    expect(told()).toEqual(['stat file: denied: failed by plan', 'list annex: transient: failed by plan'])
  })

  it('tells a list whose reader stopped', async () => {
    const { store, told } = tracedStore()
    await store.put('file', bufferSource('x'))
    for await (const _ of store.list('')) break
    expect(told().at(-1)).toBe('list : stopped by the reader')
  })

  it('makes one line of a call, whatever its path holds', () => {
    expect(formatTrace({ op: 'get', path: 'a\nb', ms: 1.26, outcome: 'ok' })).toBe('get a b: ok (1.3 ms)')
  })
})
