import type { StoreError } from '../core/errors.ts'

/** The transfers of a store, so that closing it ends them. */
export class UnderWay {
  readonly #controllers = new Set<AbortController>()

  /** Runs a transfer with a signal that aborts with the caller's, or when `end` is called. */
  async run<T>(caller: AbortSignal | undefined, transfer: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const stop = () => controller.abort(caller?.reason)
    if (caller?.aborted) stop()
    caller?.addEventListener('abort', stop, { once: true })
    this.#controllers.add(controller)
    try {
      return await transfer(controller.signal)
    } finally {
      this.#controllers.delete(controller)
      caller?.removeEventListener('abort', stop)
    }
  }

  end(reason: StoreError): void {
    for (const controller of this.#controllers) controller.abort(reason)
  }
}
