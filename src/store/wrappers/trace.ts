import { messageOf, oneLine, StoreError } from '../../core/errors.ts'
import type { Store } from '../store.ts'
import { around, type Call, type Layer } from './around.ts'

export interface TraceSettings {
  /**
   * Called once for each call, when it is over. Without it nothing is traced and nothing is paid.
   */
  readonly log?: ((event: TraceEvent) => void) | undefined
}

/** One call of a store that is over. */
export interface TraceEvent {
  readonly op: Call['op']
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

  const call: Layer['call'] = async (made, options, work) => {
    const end = begin(log, made.op, about(made))
    try {
      const value = await work(options)
      end(made.op === 'stat' && value === undefined ? 'absent' : 'ok')
      return value
    } catch (error) {
      end(outcomeOf(error))
      throw error
    }
  }
  return around(store, {
    call,
    list: (directory, options, open) => traceList(() => open(options), directory, log),
    exec: (command, options) =>
      call({ op: 'exec', paths: [command[0] ?? ''] }, options, () => store.exec(command, options)),
  })
}

function about({ op, paths }: Call): string {
  if (op === 'move') return paths.join(' → ')
  const [first = '', ...more] = paths
  return op !== 'stat' && more.length > 0 ? `${first} and ${more.length} more` : paths.join(', ')
}

async function* traceList<T>(
  open: () => AsyncIterable<T>,
  directory: string,
  log: (event: TraceEvent) => void,
): AsyncIterable<T> {
  const end = begin(log, 'list', directory)
  let outcome = 'stopped by the reader'
  try {
    for await (const entry of open()) yield entry
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
