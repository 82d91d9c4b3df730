import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * So long a row of synchronous calls may last before signals, timers and other calls have their
 * turn. ms.
 */
const TURN_MS = 10

/** Lets the rest of the process go on now and then, between calls that do not. */
export class Turns {
  #since = performance.now()

  /** Undefined, which need not be awaited, while it is too soon. */
  pause(): Promise<void> | undefined {
    if (performance.now() - this.#since < TURN_MS) return undefined
    return nextTurn().then(() => {
      this.#since = performance.now()
    })
  }
}
