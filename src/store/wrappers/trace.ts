import { messageOf, oneLine, StoreError } from '../../core/errors.ts'
import type { CallOptions, Entry, Store } from '../store.ts'

export interface TraceSettings {
  /**
   * Called once for each call, when it is over. Without it nothing is traced and nothing is paid.
   */
  readonly log?: ((event: TraceEvent) => void) | undefined
}

/** One call of a store that is over. */
export interface TraceEvent {
  readonly op: 'stat' | 'get' | 'put' | 'remove' | 'list' | 'append' | 'move' | 'space' | 'exec'
  /** Relative to the store's root. */
  readonly path: string
  /** From the call to its end, waiting and all tries included. */
  readonly ms: number
  /** `ok`, `absent` (stat only), or what went wrong, on one line and without secrets. */
  readonly outcome: string
}

/** `get annex/…: ok (1.3 ms)` */
export function formatTrace({ op, path, ms, outcome }: TraceEvent): string {
  return `${op} ${oneLine(path)}: ${outcome} (${ms.toFixed(1)} ms)`
}

/** Tells a log function about each call. */
export function withTrace(store: Store, { log }: TraceSettings): Store {
  if (log === undefined) return store

  const trace = async <T>(op: TraceEvent['op'], path: string, call: () => Promise<T>): Promise<T> => {
    const end = begin(log, op, path)
    try {
      const value = await call()
      end(op === 'stat' && value === undefined ? 'absent' : 'ok')
      return value
    } catch (error) {
      end(outcomeOf(error))
      throw error
    }
  }

  return {
    get traits() {
      return store.traits
    },
    stat: (path, options) => trace('stat', path, () => store.stat(path, options)),
    statAll: (paths, options) => trace('stat', paths.join(', '), () => store.statAll(paths, options)),
    get: (path, consume, options) => trace('get', path, () => store.get(path, consume, options)),
    put: (path, source, options) => trace('put', path, () => store.put(path, source, options)),
    remove: (path, options) => trace('remove', path, () => store.remove(path, options)),
    append: (path, content, options) => trace('append', path, () => store.append(path, content, options)),
    move: (from, to, options) => trace('move', `${from} → ${to}`, () => store.move(from, to, options)),
    freeBytes: (directory, options) => trace('space', directory, () => store.freeBytes(directory, options)),
    exec: (command, options) => trace('exec', command[0] ?? '', () => store.exec(command, options)),
    removeAll:
      store.removeAll &&
      ((paths, options) =>
        trace('remove', `${paths[0] ?? ''} and ${paths.length - 1} more`, async () =>
          store.removeAll?.(paths, options),
        )),
    list: (directory, options) => traceList(store, directory, options, log),
    close: () => store.close(),
  }
}

async function* traceList(
  store: Store,
  directory: string,
  options: CallOptions | undefined,
  log: (event: TraceEvent) => void,
): AsyncIterable<Entry> {
  const end = begin(log, 'list', directory)
  let outcome = 'stopped by the reader'
  try {
    for await (const entry of store.list(directory, options)) yield entry
    outcome = 'ok'
  } catch (error) {
    outcome = outcomeOf(error)
    throw error
  } finally {
    end(outcome)
  }
}

function begin(log: (event: TraceEvent) => void, op: TraceEvent['op'], path: string): (outcome: string) => void {
  const start = performance.now()
  return (outcome) => log({ op, path, ms: performance.now() - start, outcome })
}

function outcomeOf(error: unknown): string {
  return error instanceof StoreError ? `${error.kind}: ${error.reason}` : messageOf(error)
}
