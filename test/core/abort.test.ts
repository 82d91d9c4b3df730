import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { abortedError, orAborted } from '../../src/core/abort.ts'
import { StoreError } from '../../src/core/errors.ts'

describe('what waits for a signal or a promise', () => {
  const never = new Promise<never>(() => {})

  test('settles as the promise does', async () => {
    const { signal } = new AbortController()
    await expect(orAborted(Promise.resolve(1), 'get', 'x', signal)).resolves.toBe(1)
    await expect(orAborted(Promise.reject(new Error('no')), 'get', 'x', signal)).rejects.toThrow('no')
    await expect(orAborted(Promise.resolve(1), 'get', 'x', undefined)).resolves.toBe(1)
  })

  test('ends as soon as the signal aborts, also when the promise never settles', async () => {
    const abort = new AbortController()
    const waiting = orAborted(never, 'get', 'the file', abort.signal)
    abort.abort()
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted', op: 'get', where: 'the file' })
  })

  test('does not wait at all after the signal aborted, and nothing complains of the promise later', async () => {
    const aborted = AbortSignal.abort()
    await expect(orAborted(Promise.reject(new Error('late')), 'get', 'x', aborted)).rejects.toMatchObject({
      kind: 'aborted',
    })
  })

  test('leaves no listener behind', async () => {
    const { signal } = new AbortController()
    await orAborted(Promise.resolve(), 'get', 'x', signal)
    await orAborted(Promise.reject(new Error()), 'get', 'x', signal).catch(() => {})
    await new Promise(setImmediate)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

test('a StoreError that a signal was aborted with is the error of the call, for it says why', () => {
  const reason = new StoreError({ kind: 'unreachable', op: 'get', where: 'x', message: 'nothing moved', stalled: true })
  expect(abortedError('get', 'y', AbortSignal.abort(reason))).toBe(reason)
  expect(abortedError('get', 'y', AbortSignal.abort('whatever'))).toMatchObject({ kind: 'aborted', cause: 'whatever' })
})
