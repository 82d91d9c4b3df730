import type { Moment, Time } from '../../../src/core/moment.ts'
import type { Store } from '../../../src/store/store.ts'
import { withMethods } from './stores.ts'

/** A time in which nobody waits: it is later afterwards, for all. */
export function hurriedTime(): Time {
  let ahead = 0
  return {
    now: (): Moment => ({ steady: performance.now() + ahead, wall: Date.now() + ahead }),
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      ahead += ms
    },
  }
}

export interface Stopping extends Store {
  /** Whether there was so much to be stopped at. */
  readonly wasStopped: boolean
  /** What it was stopped at. */
  readonly at: string
}

/**
 * A store whose user is stopped right before its `nth` call that changes something, or lists marks:
 * `meanwhile` is done before it goes on.
 */
export function stoppingAt(store: Store, nth: number, meanwhile: () => Promise<void>): Stopping {
  let count = 0
  const stopped = { wasStopped: false, at: '' }
  const stop = async (at: string) => {
    count += 1
    if (count !== nth) return
    stopped.wasStopped = true
    stopped.at = at
    await meanwhile()
  }
  const stopping = withMethods(store, {
    async put(path, source, options) {
      await stop(`put ${path}`)
      return store.put(path, source, options)
    },
    async remove(path, options) {
      await stop(`remove ${path}`)
      return store.remove(path, options)
    },
    async move(from, to, options) {
      await stop(`move ${from} to ${to}`)
      return store.move(from, to, options)
    },
    removeAll:
      store.removeAll &&
      (async (paths, options) => {
        await stop(`remove ${paths.join(' ')}`)
        await store.removeAll?.(paths, options)
      }),
    async *list(directory, options) {
      if (!directory.includes('/annex/objects')) await stop(`list ${directory}`)
      yield* store.list(directory, options)
    },
  })
  return Object.defineProperties(stopping, {
    wasStopped: { get: () => stopped.wasStopped },
    at: { get: () => stopped.at },
  }) as Stopping
}
