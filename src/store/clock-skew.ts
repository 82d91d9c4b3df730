import type { Outcome } from '../core/finding.ts'

/** A clock that differs by more makes ages of keys, and S3's signatures, wrong. ms. */
const MAX_SKEW_MS = 60_000

/**
 * Judges a store's clock by the time that a new file got there, which may be cut to whole seconds,
 * and by when we began and ended to write it. ms since 1970.
 */
export function judgeClock(theirs: number | undefined, began: number, ended: number): Outcome {
  if (theirs === undefined) return ['skipped', 'the store tells no times']
  const skewMs = theirs < began - 2000 ? theirs - began : theirs > ended + 2000 ? theirs - ended : 0
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (seconds === 0) return ['ok', 'the same time as here, to two seconds']
  const why = `the store's clock is ${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} ours`
  return Math.abs(skewMs) > MAX_SKEW_MS ? ['warning', why] : ['ok', why]
}
