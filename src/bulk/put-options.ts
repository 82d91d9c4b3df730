import type { StoreErrorKind } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Store } from '../store/store.ts'
import type { BulkEvents } from './events.ts'
import type { Selection } from './wanted.ts'

export interface PutOptions {
  readonly selection: Selection
  /** The name of the remote. Default: the one storage sibling that there is. */
  readonly to: string | undefined
  readonly jobs: number | undefined
  readonly bytesPerSecond: number | undefined
  readonly dryRun: boolean
  /** Keys up to so many bytes go into the dataset's archive at once. Default: none. */
  readonly archiveBelow: number | undefined
  /** Packs the keys that lie loose in a store into the archive of a dataset. */
  readonly pack: Pack
  readonly events: BulkEvents
  readonly signal: AbortSignal | undefined
  readonly log: Log | undefined
}

export type Pack = (store: Store, directory: string, signal: AbortSignal | undefined) => Promise<void>

export interface PutReport {
  /** Keys that the store has now. With `dryRun`: that it would get. */
  readonly put: number
  readonly bytes: number
  /** Keys that git-annex was asked to copy, or would be. */
  readonly handedOver: number
  readonly failures: readonly StoreErrorKind[]
}

/** What git-annex is asked to do. */
export function copyCommand(to: string): string[] {
  return ['copy', `--to=${to}`]
}
