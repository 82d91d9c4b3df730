import { describe, expect, test, vi } from 'vitest'
import { Bandwidth } from '../../../src/core/bandwidth.ts'
import { bufferSource, collect } from '../../../src/core/source.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { withBandwidth } from '../../../src/store/wrappers/bandwidth.ts'
import { withJobs } from '../../../src/store/wrappers/jobs.ts'

describe('withBandwidth', () => {
  test('has every chunk that goes up or comes down wait for its turn, and changes none', async () => {
    const bandwidth = new Bandwidth(undefined)
    const pass = vi.spyOn(bandwidth, 'pass')
    const store = withBandwidth(openMemoryStore(), bandwidth)
    await store.put('file', bufferSource('content'))
    let read = ''
    await store.get('file', async (bytes) => {
      read = (await collect(bytes, 100)).toString()
    })
    expect(read).toBe('content')
    expect(pass.mock.calls.map(([bytes]) => bytes)).toEqual([7, 7])
  })

  test('ends a wait when it is told to', async () => {
    const stop = new AbortController()
    const store = withBandwidth(openMemoryStore(), new Bandwidth(0.001))
    const put = store.put('file', bufferSource('content'), { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(put).rejects.toThrow()
    expect(await store.stat('file')).toBeUndefined()
  })
})

test('withJobs tells callers of fewer places, never of more than there are', () => {
  const store = openMemoryStore()
  expect(withJobs(store, 2).traits).toEqual({ ...store.traits, maxInFlight: 2 })
  expect(withJobs(store, 1000).traits).toEqual(store.traits)
})
