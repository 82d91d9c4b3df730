import pLimit from 'p-limit'
import { abortedError } from '../../core/abort.ts'
import type { Store } from '../store.ts'

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

  return {
    get traits() {
      return store.traits
    },
    stat: (path, options) => inTurn('stat', path, options?.signal, () => store.stat(path, options)),
    statAll: (paths, options) => inTurn('stat', paths[0] ?? '', options?.signal, () => store.statAll(paths, options)),
    get: (path, consume, options) => inTurn('get', path, options?.signal, () => store.get(path, consume, options)),
    put: (path, source, options) => inTurn('put', path, options?.signal, () => store.put(path, source, options)),
    remove: (path, options) => inTurn('remove', path, options?.signal, () => store.remove(path, options)),
    append: (path, content, options) =>
      inTurn('append', path, options?.signal, () => store.append(path, content, options)),
    move: (from, to, options) => inTurn('move', from, options?.signal, () => store.move(from, to, options)),
    freeBytes: (directory, options) =>
      inTurn('space', directory, options?.signal, () => store.freeBytes(directory, options)),
    exec: (command, options) => inTurn('exec', options.cwd, options.signal, () => store.exec(command, options)),
    removeAll:
      store.removeAll &&
      ((paths, options) =>
        inTurn('remove', paths[0] ?? '', options?.signal, async () => store.removeAll?.(paths, options))),
    list: (directory, options) => store.list(directory, options),
    close: () => store.close(),
  }
}
