import type { StoreErrorKind } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { GivenKeys } from '../ria/keys/given-keys.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
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
  readonly pack: Pack | undefined
  readonly events: BulkEvents
  readonly signal: AbortSignal | undefined
  readonly log: Log | undefined
}

/** How keys get into the archive of a dataset. */
export interface Pack {
  /**
   * Puts them into a new archive, and tells of each that is in it. False, and nothing is done, when
   * there is an archive already.
   */
  intoNew(dataset: StoredDataset, keys: GivenKeys, options: PackOptions): Promise<boolean>
  /** Packs the keys that seem to lie loose in the dataset into its archive. */
  intoOld(dataset: StoredDataset, options: CallOptions): Promise<void>
}

export interface PackOptions extends CallOptions {
  /** The dataset's layout version. */
  readonly version: string
  readonly onPacked: (number: number) => void
}

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
