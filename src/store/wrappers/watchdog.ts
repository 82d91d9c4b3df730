import type { CallOptions, Store } from '../store.ts'
import { Watch } from './watch.ts'

export interface WatchdogSettings {
  /** A call in which the backend does not get any further for so long is ended. 0: never. */
  readonly stallMs: number
}

/**
 * Ends a call that makes no progress with `unreachable`, marked `stalled`, also when the backend
 * does not listen to its signal. It is a limit to silence, not to time: a chunk, an `onProgress` or
 * a read of a put's source starts it anew, and what our own consumer, source or reader of a list
 * takes does not count.
 */
export function withWatchdog(store: Store, { stallMs }: WatchdogSettings): Store {
  if (!(stallMs > 0 && stallMs < Number.POSITIVE_INFINITY)) return store
  const watch = (op: string, path: string, options: CallOptions | undefined) =>
    new Watch(op, `${store.traits.root}/${path}`, stallMs, options)

  return {
    get traits() {
      return store.traits
    },
    stat(path, options) {
      const call = watch('stat', path, options)
      return call.run(() => store.stat(path, call.options(options)))
    },
    statAll(paths, options) {
      const call = watch('stat', paths[0] ?? '', options)
      return call.run(() => store.statAll(paths, call.options(options)))
    },
    get(path, consume, options) {
      const call = watch('get', path, options)
      return call.run(() => store.get(path, call.consumer(consume), call.options(options)))
    },
    put(path, source, options) {
      const call = watch('put', path, options)
      return call.run(() => store.put(path, call.source(source), call.options(options)))
    },
    remove(path, options) {
      const call = watch('remove', path, options)
      return call.run(() => store.remove(path, call.options(options)))
    },
    append(path, content, options) {
      const call = watch('append', path, options)
      return call.run(() => store.append(path, content, call.options(options)))
    },
    move(from, to, options) {
      const call = watch('move', from, options)
      return call.run(() => store.move(from, to, call.options(options)))
    },
    freeBytes(directory, options) {
      const call = watch('space', directory, options)
      return call.run(() => store.freeBytes(directory, call.options(options)))
    },
    removeAll:
      store.removeAll &&
      ((paths, options) => {
        const call = watch('remove', paths[0] ?? '', options)
        return call.run(async () => store.removeAll?.(paths, call.options(options)))
      }),
    /** A program may work for long and say nothing: what limits it is up to the caller. */
    exec: (command, options) => store.exec(command, options),
    list: (directory, options) => ({
      [Symbol.asyncIterator]() {
        const call = watch('list', directory, options)
        return call.iterate(() => store.list(directory, call.options(options)))
      },
    }),
    close: () => store.close(),
  }
}
