import { abortedError, orAborted } from '../core/abort.ts'
import { StoreError } from '../core/errors.ts'
import { ConsumerFailure } from './read.ts'

/** One call under way. Its signal follows the caller's, and aborts when the store is closed. */
export interface Call {
  readonly signal: AbortSignal
  /** To be called when the call is over, however it ended. */
  end(): void
}

/** The calls that a backend has under way, so that `close` can end them. */
export class Calls {
  readonly #running = new Set<() => void>()
  #closed = false

  /** Begins a call. Throws `aborted` when the signal has aborted or the store was closed. */
  start(op: string, where: string, outer: AbortSignal | undefined): Call {
    if (this.#closed) throw closedError(op, where, 'no')
    if (outer?.aborted) throw abortedError(op, where, outer)
    const controller = new AbortController()
    const follow = () => controller.abort(outer?.reason)
    const stop = () => controller.abort(closedError(op, where, 'maybe'))
    outer?.addEventListener('abort', follow)
    this.#running.add(stop)
    const end = () => {
      outer?.removeEventListener('abort', follow)
      this.#running.delete(stop)
    }
    return { signal: controller.signal, end }
  }

  /** Does `work` as a call. Rejects as soon as its signal aborts, also when `work` itself does not end. */
  async run<T>(
    op: string,
    where: string,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const call = this.start(op, where, outer)
    try {
      return await orAborted(work(call.signal), op, where, call.signal)
    } finally {
      call.end()
    }
  }

  /** For `get`: the same, but it waits for a consumer that still works, so that two never write to one place. */
  async runGet(
    where: string,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const call = this.start('get', where, outer)
    try {
      await work(call.signal)
    } catch (error) {
      throw error instanceof ConsumerFailure ? error.error : error
    } finally {
      call.end()
    }
  }

  close(): void {
    this.#closed = true
    for (const stop of this.#running) stop()
  }
}

function closedError(op: string, where: string, sent: 'no' | 'maybe'): StoreError {
  return new StoreError({ kind: 'aborted', op, where, message: 'the store is closed', sent })
}
