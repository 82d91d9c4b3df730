import { setTimeout } from 'node:timers/promises'

/**
 * A moment by two clocks, in ms. `steady` cannot be set, but stands still while a machine sleeps;
 * `wall` goes on then, and can be set. A process that was stopped sees both go on.
 */
export interface Moment {
  readonly steady: number
  readonly wall: number
}

/** What tells the time, and waits. Tests have one of their own. */
export interface Time {
  now(): Moment
  /** Waits for `ms`. Throws the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const REAL_TIME: Time = {
  now: moment,
  async sleep(ms, signal) {
    await setTimeout(ms, undefined, signal && { signal }).catch(() => {})
    signal?.throwIfAborted()
  },
}

export function moment(): Moment {
  return { steady: performance.now(), wall: Date.now() }
}

/**
 * Whether a moment was less than `ms` ago by both clocks. One that is yet to come by either is not:
 * that clock was set.
 */
export function isRecent({ steady, wall }: Moment, ms: number, time: Time = REAL_TIME): boolean {
  const now = time.now()
  return [now.steady - steady, now.wall - wall].every((age) => age >= 0 && age < ms)
}
