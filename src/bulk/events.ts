import type { StoreErrorKind } from '../core/errors.ts'

/** What a command tells while it works. */
export interface BulkEvents {
  /** A key was brought, and is where it shall be. `remote`: from or to where. */
  readonly onMoved?: ((key: string, bytes: number, remote: string) => void) | undefined
  readonly onFailed?: ((failure: KeyFailure) => void) | undefined
  /** Something that the user should know, in one line. */
  readonly onNote?: ((text: string) => void) | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface KeyFailure {
  readonly key: string
  readonly kind: StoreErrorKind
  /** One line. */
  readonly message: string
}

export interface Progress {
  readonly phase: string
  /** Of how many keys, so far. */
  readonly keys: number
  readonly keysTotal: number
  readonly bytes: number
  readonly bytesTotal: number
}

/** Keeps count of what is told. */
export class Counter {
  readonly events: BulkEvents
  readonly failures: StoreErrorKind[] = []
  moved = 0
  bytes = 0

  constructor(events: BulkEvents) {
    this.events = {
      ...events,
      onMoved: (key, bytes, remote) => {
        this.moved += 1
        this.bytes += bytes
        events.onMoved?.(key, bytes, remote)
      },
      onFailed: (failure) => {
        this.failures.push(failure.kind)
        events.onFailed?.(failure)
      },
    }
  }
}
