import pLimit from 'p-limit'
import { abortedError } from '../../core/abort.ts'
import type { Store } from '../store.ts'
import { around } from './around.ts'

export interface LimitSettings {
  /** How many calls may be under way at once. Default: what the store's traits say. */
  readonly maxInFlight?: number | undefined
}

/**
 * Lets only so many calls go on at once; the others wait for their turn, and can be aborted
 * meanwhile. A `get` holds its place until its consumer is done, a `put` until its source is read:
 * so neither may wait for another call of the same store unless there are more places than such
 * calls. `list` takes no place: its reader works on what was listed.
 */
export function withLimit(store: Store, settings: LimitSettings = {}): Store {
  const places = pLimit(settings.maxInFlight ?? store.traits.maxInFlight)

  const inTurn = <T>(op: string, path: string, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    if (signal === undefined || places.activeCount + places.pendingCount < places.concurrency) return places(call)
    const where = () => `${store.traits.root}/${path}`
    if (signal.aborted) return Promise.reject(abortedError(op, where(), signal))
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => reject(abortedError(op, where(), signal))
      signal.addEventListener('abort', giveUp, { once: true })
      places(async () => {
        signal.removeEventListener('abort', giveUp)
        if (!signal.aborted) await call().then(resolve, reject)
      })
    })
  }

  return around(store, {
    letsThrough: true,
    call: ({ op, paths }, options, work) => inTurn(op, paths[0] ?? '', options?.signal, () => work(options)),
  })
}
