import type { StoreErrorKind } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { BulkEvents } from './events.ts'
import type { Selection } from './wanted.ts'

export interface GetOptions {
  readonly selection: Selection
  /**
   * The name of the one remote that is asked. Default: all of ours, the cheapest first, and
   * git-annex for what they do not have.
   */
  readonly from: string | undefined
  readonly jobs: number | undefined
  readonly bytesPerSecond: number | undefined
  readonly dryRun: boolean
  readonly events: BulkEvents
  readonly signal: AbortSignal | undefined
  readonly log: Log | undefined
}

export interface GetReport {
  /** Keys that came. With `dryRun`: that would. */
  readonly got: number
  readonly bytes: number
  /** Keys that git-annex was asked for, got or not. With `dryRun`: that it would be. */
  readonly handedOver: number
  /** Why keys did not come, one for each. */
  readonly failures: readonly StoreErrorKind[]
}

/** What git-annex is asked to do. */
export function getCommand({ from }: GetOptions): string[] {
  return ['get', ...(from === undefined ? [] : [`--from=${from}`])]
}
