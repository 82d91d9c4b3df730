import type { StoreErrorKind } from '../core/errors.ts'
import type { BulkEvents } from './events.ts'

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
