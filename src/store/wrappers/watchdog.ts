import type { CallOptions, Store } from '../store.ts'
import { around } from './around.ts'
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

  return around(store, {
    letsThrough: true,
    call({ op, paths }, options, work) {
      const call = watch(op, paths[0] ?? '', options)
      return call.run(() => work(call.options(options)))
    },
    get(path, consume, options) {
      const call = watch('get', path, options)
      return call.run(() => store.get(path, call.consumer(consume), call.options(options)))
    },
    put(path, source, options) {
      const call = watch('put', path, options)
      return call.run(() => store.put(path, call.source(source), call.options(options)))
    },
    /** A program may work for long and say nothing: what limits it is up to the caller. */
    exec: (command, options) => store.exec(command, options),
    list: (directory, options, open) => ({
      [Symbol.asyncIterator]() {
        const call = watch('list', directory, options)
        return call.iterate(() => open(call.options(options)))
      },
    }),
  })
}
