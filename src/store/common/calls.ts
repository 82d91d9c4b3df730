import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import { ConsumerFailure } from './read-exactly.ts'

/** The calls that a backend has under way, so that `close` can end them. */
export class Calls {
  readonly #running = new Set<Call>()
  #closed = false

  /** Begins a call. Throws `aborted` when the signal has aborted or the store was closed. */
  start(op: string, where: string, outer: AbortSignal | undefined): Call {
    if (this.#closed) throw closedError(op, where)
    if (outer?.aborted) throw abortedError(op, where, outer)
    const call = new Call(op, where, outer, () => this.#running.delete(call))
    this.#running.add(call)
    return call
  }

  /**
   * Does `work` as a call. Rejects as soon as its signal aborts, also when `work` itself does not
   * end.
   */
  async run<T>(
    op: string,
    where: string,
    outer: AbortSignal | undefined,
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const call = this.start(op, where, outer)
    try {
      return await new Promise<T>((resolve, reject) => {
        call.onStop = reject
        work(call).then(resolve, reject)
      })
    } finally {
      call.end()
    }
  }

  /**
   * For `get`: the same, but it waits for a consumer that still works, so that two never write to
   * one place.
   */
  async runGet(where: string, outer: AbortSignal | undefined, work: (call: Call) => Promise<void>): Promise<void> {
    const call = this.start('get', where, outer)
    try {
      await work(call)
    } catch (error) {
      throw error instanceof ConsumerFailure ? error.error : error
    } finally {
      call.end()
    }
  }

  close(): void {
    this.#closed = true
    for (const call of this.#running) call.stop(closedError(call.op, call.where))
  }
}

/** One call under way. It stops when the caller's signal aborts, or when the store is closed. */
export class Call {
  readonly op: string
  readonly where: string
  readonly #outer: AbortSignal | undefined
  readonly #onEnd: () => void
  #controller: AbortController | undefined
  #stopped: StoreError | undefined
  onStop: ((reason: StoreError) => void) | undefined

  constructor(op: string, where: string, outer: AbortSignal | undefined, onEnd: () => void) {
    this.op = op
    this.where = where
    this.#outer = outer
    this.#onEnd = onEnd
    outer?.addEventListener('abort', this.#follow)
  }

  /**
   * Aborts when the call is stopped. Made on first need: most calls are over before anybody could
   * stop them.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#stopped) this.#controller.abort(this.#stopped)
    }
    return this.#controller.signal
  }

  stop(reason: StoreError): void {
    this.#stopped = reason
    this.#controller?.abort(reason)
    this.onStop?.(reason)
  }

  /** To be called when the call is over, however it ended. */
  end(): void {
    this.#outer?.removeEventListener('abort', this.#follow)
    this.#onEnd()
  }

  readonly #follow = () => {
    if (this.#outer) this.stop(abortedError(this.op, this.where, this.#outer))
  }
}

function closedError(op: string, where: string): StoreError {
  return new StoreError({ kind: 'aborted', op, where, message: 'the store is closed', sent: 'no' })
}
