import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { takeLock, withLock } from '../../../src/ria/compaction/lock.ts'
import { isDead, ourselves } from '../../../src/ria/compaction/lock-owner.ts'
import { withFaults } from '../../../src/store/faulty.ts'
import type { Store } from '../../../src/store/store.ts'
import { withMethods } from '../../support/stores.ts'
import { DIRECTORY, memoryStore, paths, put, read } from '../memory-dataset.ts'

const LOCK = `${DIRECTORY}/archives/lock`

async function refused(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    () => expect.fail('it should have been refused'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(StoreError)
  return error as StoreError
}

/** The lock of a process that has ended. */
async function leaveDeadLock(store: Store, changes: object = {}): Promise<void> {
  const child = spawn('true')
  await once(child, 'close')
  const content = { ...ourselves(), pid: child.pid, started: '2026-01-01T00:00:00.000Z', token: 'dead', ...changes }
  await put(store, LOCK, JSON.stringify(content))
}

describe('the lock of an archive', () => {
  test('says who holds it, and goes when it is released', async () => {
    const store = await memoryStore()
    const lock = await takeLock(store, DIRECTORY)
    expect(JSON.parse((await read(store, LOCK)).toString())).toMatchObject({ ...ourselves(), program: 'riastore' })
    await lock.check()
    await lock.release()
    expect(await store.stat(LOCK)).toBeUndefined()
  })

  test('is refused to a second one, who is told by whom it is held since when', async () => {
    const store = await memoryStore()
    const lock = await takeLock(store, DIRECTORY)
    const error = await refused(takeLock(store, DIRECTORY))
    expect(error.kind).toBe('conflict')
    expect(error.message).toMatch(new RegExp(`by .*@.* \\(process ${process.pid}\\) since 20\\d\\d-.*Z.*--break-lock`))
    await lock.check()
    await lock.release()
  })

  test('is taken over from a process that is dead', async () => {
    const store = await memoryStore()
    await leaveDeadLock(store)
    const lock = await takeLock(store, DIRECTORY)
    await lock.check()
    await lock.release()
    expect((await paths(store)).filter((path) => path.includes('archives'))).toEqual([])
  })

  test.each([
    ['on another host', { host: 'elsewhere.example.org' }],
    ['in another container', { pidNamespace: 'pid:[1]' }],
  ])('is not taken over from a process %s, dead or not', async (_where, changes) => {
    const store = await memoryStore()
    await leaveDeadLock(store, changes)
    expect((await refused(takeLock(store, DIRECTORY))).kind).toBe('conflict')
    expect(await store.stat(LOCK)).toBeDefined()
  })

  test('is taken over when its pid belongs to another process now, or the machine was started anew', async () => {
    expect(isDead(ourselves())).toBe(false)
    expect(isDead({ ...ourselves(), processStart: '1' })).toBe(true)
    expect(isDead({ ...ourselves(), boot: 'another' })).toBe(true)
    expect(isDead({ ...ourselves(), boot: 'another', host: 'elsewhere' })).toBe(false)
  })

  test('goes to whoever breaks it, and the one who had it notices', async () => {
    const store = await memoryStore()
    const first = await takeLock(store, DIRECTORY)
    const second = await takeLock(store, DIRECTORY, { breakLock: true })
    expect((await refused(first.check())).kind).toBe('conflict')
    expect(first.lost.aborted).toBe(true)
    await first.release()
    await second.check()
    await second.release()
    expect(await store.stat(LOCK)).toBeUndefined()
  })

  test('that cannot be read is only broken, never taken over', async () => {
    const store = await memoryStore()
    await put(store, LOCK, 'what is this?')
    expect((await refused(takeLock(store, DIRECTORY))).message).toContain('--break-lock')
    await (await takeLock(store, DIRECTORY, { breakLock: true })).release()
  })

  test('goes to one only when several take over a dead one at the same time', async () => {
    const store = await memoryStore()
    for (let round = 0; round < 20; round++) {
      await leaveDeadLock(store)
      const tries = await Promise.allSettled(Array.from({ length: 5 }, () => takeLock(store, DIRECTORY)))
      const taken = tries.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
      const held = await Promise.allSettled(taken.map((lock) => lock.check()))
      expect(held.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const lock of taken) await lock.release()
      await store.remove(LOCK)
    }
  })

  test('is written anew while it is held, and the work stops when it is lost', async () => {
    const store = await memoryStore()
    const work = withLock(store, DIRECTORY, { refreshMs: 20 }, async (lock, signal) => {
      const { identity } = lock.stat
      await sleep(100)
      expect((await store.stat(LOCK))?.identity).not.toBe(identity)
      await lock.check()
      await takeLock(store, DIRECTORY, { breakLock: true })
      await sleep(5_000, undefined, { signal })
    })
    await expect(work).rejects.toThrow()
    expect(await store.stat(LOCK)).toBeDefined() // the other one's
  })

  test('is given up when we are interrupted while it is written', async () => {
    const store = await memoryStore()
    const stop = new AbortController()
    const interrupting = withMethods(store, {
      put: async (path, source, options) => {
        const stat = await store.put(path, source, options)
        stop.abort(new Error('interrupted'))
        options?.signal?.throwIfAborted()
        return stat
      },
    })
    const work = withLock(interrupting, DIRECTORY, { signal: stop.signal }, async () => expect.fail('it goes on'))
    await expect(work).rejects.toThrow('interrupted')
    expect(await paths(store)).not.toContain(LOCK)
  })

  test('is given up when the work fails', async () => {
    const store = await memoryStore()
    const work = withLock(store, DIRECTORY, {}, async () => {
      throw new Error('the work failed')
    })
    await expect(work).rejects.toThrow('the work failed')
    expect(await store.stat(LOCK)).toBeUndefined()
  })

  test('is ours when it was written but the answer was lost', async () => {
    const store = await memoryStore()
    const faulty = withFaults(store, [{ op: 'put', path: LOCK, fail: 'conflict', at: 'after' }])
    const lock = await takeLock(faulty, DIRECTORY)
    await lock.check()
    await lock.release()
    expect(await store.stat(LOCK)).toBeUndefined()
  })
})
