import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Lock, takeLock, withLock } from '../../../src/admin/lock/lock.ts'
import { StoreError } from '../../../src/core/errors.ts'
import { isDead, ourselves } from '../../../src/core/process/owner.ts'
import { SETTLE_MS } from '../../../src/ria/keys/quiet-dataset.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { copyingStore } from '../../support/stores/copying-store.ts'
import {
  DIRECTORY,
  memoryStore as memoryOfOneStep,
  paths,
  put,
  read,
  withTraits,
} from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

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
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'close')
  const content = { ...ourselves(), pid: child.pid, started: '2026-01-01T00:00:00.000Z', token: 'dead', ...changes }
  await put(store, LOCK, JSON.stringify(content))
}

describe.each([
  ['in a store that renames', memoryOfOneStep],
  ['in a store that copies and removes', copyingStore],
])('the lock of an archive, %s,', (_name, memoryStore) => {
  test('says who holds it, and goes when it is released', async () => {
    const store = await memoryStore()
    const lock = await takeLock(new StoredDataset(store, DIRECTORY))
    expect(JSON.parse((await read(store, LOCK)).toString())).toMatchObject({ ...ourselves(), program: 'riastore' })
    await lock.check()
    await lock.release()
    expect(await store.stat(LOCK)).toBeUndefined()
  })

  test('is refused to a second one, who is told by whom it is held since when', async () => {
    const store = await memoryStore()
    const lock = await takeLock(new StoredDataset(store, DIRECTORY))
    const error = await refused(takeLock(new StoredDataset(store, DIRECTORY)))
    expect(error.kind).toBe('conflict')
    expect(error.message).toMatch(new RegExp(`by .*@.* \\(process ${process.pid}\\) since 20\\d\\d-.*Z.*--break-lock`))
    await lock.check()
    await lock.release()
  })

  test('is taken over from a process that is dead', async () => {
    const store = await memoryStore()
    await leaveDeadLock(store)
    const lock = await takeLock(new StoredDataset(store, DIRECTORY))
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
    expect((await refused(takeLock(new StoredDataset(store, DIRECTORY)))).kind).toBe('conflict')
    expect(await store.stat(LOCK)).toBeDefined()
  })

  test('is taken over when its pid belongs to another process now', async () => {
    expect(isDead(ourselves())).toBe(false)
    expect(isDead({ ...ourselves(), processStart: '1' })).toBe(true)
  })

  test('of a host of our name that was started anew is taken over only when it showed no life for long', async () => {
    expect(isDead({ ...ourselves(), boot: 'another' })).toBe(false)
    const store = await memoryStore()
    await leaveDeadLock(store, { boot: 'another' })
    expect((await refused(takeLock(new StoredDataset(store, DIRECTORY)))).kind).toBe('conflict')
    const silent = withMethods(store, {
      get: (path, consume, options) =>
        store.get(
          path,
          (bytes, stat) => consume(bytes, { ...stat, mtimeMs: (stat.mtimeMs ?? 0) - 11 * 60_000 }),
          options,
        ),
    })
    const lock = await takeLock(new StoredDataset(silent, DIRECTORY))
    await lock.check()
    await lock.release()
    expect((await paths(store)).filter((path) => path.includes('archives'))).toEqual([])
  })

  test('goes to whoever breaks it, and the one who had it notices', async () => {
    const store = await memoryStore()
    const first = await takeLock(new StoredDataset(store, DIRECTORY))
    const second = await takeLock(new StoredDataset(store, DIRECTORY), { breakLock: true })
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
    expect((await refused(takeLock(new StoredDataset(store, DIRECTORY)))).message).toContain('--break-lock')
    await (await takeLock(new StoredDataset(store, DIRECTORY), { breakLock: true })).release()
  })

  test('goes to one only when several take over a dead one at the same time', async () => {
    const store = await memoryStore()
    for (let round = 0; round < 20; round++) {
      await leaveDeadLock(store)
      const tries = await Promise.allSettled(
        Array.from({ length: 5 }, () => takeLock(new StoredDataset(store, DIRECTORY))),
      )
      const taken = tries.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
      const held = await Promise.allSettled(taken.map((lock) => lock.check()))
      expect(held.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const lock of taken) await lock.release()
      await store.remove(LOCK)
    }
  })

  test('shows that its holder lives, and the work stops when it is lost', async () => {
    const store = await memoryStore()
    const work = withLock(new StoredDataset(store, DIRECTORY), { refreshMs: 20 }, async (lock, signal) => {
      const alive = `${lock.holder.path}/alive`
      const before = await store.stat(alive)
      await expect.poll(async () => (await store.stat(alive))?.mtimeMs).not.toBe(before?.mtimeMs)
      await lock.check()
      await takeLock(new StoredDataset(store, DIRECTORY), { breakLock: true })
      await sleep(5_000, undefined, { signal })
    })
    await expect(work).rejects.toThrow()
    expect(await store.stat(LOCK)).toBeDefined() // the other one's
  })

  test('is not written over that of another by who was stopped just when showing that it lives', async () => {
    const store = await memoryStore()
    let other: Lock | undefined
    const stopping = withMethods(store, {
      put: async (path, source, options) => {
        // The first time it is made.
        if (path.endsWith('/alive') && (await store.stat(path))) {
          other ??= await takeLock(new StoredDataset(store, DIRECTORY), { breakLock: true })
        }
        return store.put(path, source, options)
      },
    })
    const lock = await takeLock(new StoredDataset(stopping, DIRECTORY), { refreshMs: 20 })
    await expect.poll(() => other).toBeDefined()
    await expect.poll(() => lock.lost.aborted).toBe(true)
    await other?.check()
    await lock.release()
    await other?.check()
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
    const work = withLock(new StoredDataset(interrupting, DIRECTORY), { signal: stop.signal }, async () =>
      expect.fail('it goes on'),
    )
    await expect(work).rejects.toThrow('interrupted')
    expect(await paths(store)).not.toContain(LOCK)
  })

  test('is given up when we are interrupted right after it was written, or the directory cannot be made', async () => {
    const store = await memoryStore()
    const stop = new AbortController()
    const files = await paths(store)
    for (const fails of [false, true]) {
      const interrupting = withMethods(store, {
        put: async (path, source, options) => {
          if (path === LOCK) return store.put(path, source, options)
          stop.abort(new Error('interrupted'))
          const stat = await store.put(path, source, { ...options, signal: undefined })
          options?.signal?.throwIfAborted()
          if (fails) throw new Error('no answer')
          return stat
        },
      })
      const work = withLock(new StoredDataset(interrupting, DIRECTORY), { signal: stop.signal }, async () =>
        expect.fail('it goes on'),
      )
      await expect(work).rejects.toThrow(/interrupted|aborted|no answer/)
      expect(await paths(store)).toEqual(files)
    }
  })

  test('is given up when the work fails', async () => {
    const store = await memoryStore()
    const work = withLock(new StoredDataset(store, DIRECTORY), {}, async () => {
      throw new Error('the work failed')
    })
    await expect(work).rejects.toThrow('the work failed')
    expect(await store.stat(LOCK)).toBeUndefined()
  })

  test('is ours when it was written but the answer was lost', async () => {
    const store = await memoryStore()
    const faulty = withFaults(store, [{ op: 'put', path: LOCK, fail: 'conflict', at: 'after' }])
    const lock = await takeLock(new StoredDataset(faulty, DIRECTORY))
    await lock.check()
    await lock.release()
    expect(await store.stat(LOCK)).toBeUndefined()
  })
})

describe('taking a dead lock over where that is no single step', () => {
  const marks = async (store: Store) => (await paths(store)).filter((path) => path.includes('lock-after'))

  test('leaves nothing but the lock, and nobody without one sees none', async () => {
    const store = await copyingStore()
    await leaveDeadLock(store)
    const removed: string[] = []
    const remove = (path: string) => {
      removed.push(path)
      return store.remove(path)
    }
    const lock = await takeLock(new StoredDataset(withMethods(store, { remove }), DIRECTORY))
    expect(removed).not.toContain(LOCK)
    expect(await marks(store)).toEqual([])
    await lock.check()
  })

  test('goes on where a process died that was just doing that', async () => {
    const store = await copyingStore()
    await leaveDeadLock(store)
    // Its mark is there, and it is dead, as if it had been killed between the mark and the lock;
    // and so is another after it.
    for (const token of ['second', 'third']) {
      const dead = JSON.parse((await read(store, LOCK)).toString())
      const failing = withFaults(store, [{ op: 'put', path: LOCK, fail: 'unreachable', nth: 2 }])
      const own = withMethods(failing, { remove: async () => {}, removeAll: async () => {} })
      const before = await marks(store)
      await refused(takeLock(new StoredDataset(own, DIRECTORY)))
      const [mark = '', ...more] = (await marks(store)).filter((path) => !before.includes(path))
      expect(more).toEqual([])
      await put(store, mark, JSON.stringify({ ...dead, token }))
    }
    const lock = await takeLock(new StoredDataset(store, DIRECTORY))
    await lock.check()
    expect(await marks(store)).toEqual([])
  })

  test('goes to nobody who comes too late, though no mark is there any more', async () => {
    const store = await copyingStore()
    await leaveDeadLock(store)
    let faster: Lock | undefined
    const slow = withMethods(store, {
      put: async (path, source, options) => {
        if (path.includes('lock-after')) faster ??= await takeLock(new StoredDataset(store, DIRECTORY))
        return store.put(path, source, options)
      },
    })
    expect((await refused(takeLock(new StoredDataset(slow, DIRECTORY)))).kind).toBe('conflict')
    await faster?.check()
    expect(faster?.lost.aborted).toBe(false)
    expect(await marks(store)).toEqual([])
  })

  test('waits for nobody who is doing that: who lives is named', async () => {
    const store = await copyingStore()
    await leaveDeadLock(store)
    let other: Promise<unknown> | undefined
    const watching = withMethods(store, {
      put: async (path, source, options) => {
        const stat = await store.put(path, source, options)
        if (path.includes('lock-after') && other === undefined) {
          other = takeLock(new StoredDataset(store, DIRECTORY)).catch((error: unknown) => error)
          await other
        }
        return stat
      },
    })
    const lock = await takeLock(new StoredDataset(watching, DIRECTORY))
    expect(await other).toMatchObject({ kind: 'conflict', message: expect.stringContaining(`process ${process.pid}`) })
    await lock.check()
  })
})

test('in an object store nothing is moved for a moment after the lock is there, for clients rely on it', async () => {
  const store = withTraits(await memoryOfOneStep(), { flat: true })
  const started = performance.now()
  const waited = await withLock(new StoredDataset(store, DIRECTORY), {}, async () => {
    expect(await paths(store)).toContain(LOCK)
    return performance.now() - started
  })
  expect(waited).toBeGreaterThan(SETTLE_MS - 5) // a timer may be a little early
})
