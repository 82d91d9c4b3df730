import type { BulkEvents } from '../../bulk/events.ts'
import type { Console } from '../console.ts'
import { formatSize } from '../quantities.ts'
import { counted } from '../tables.ts'

/** How a command that moves keys tells what it does. */
export interface BulkOutput {
  readonly events: BulkEvents
  summary(summary: BulkSummary): void
  error(error: unknown): void
}

export interface BulkSummary {
  readonly dryRun: boolean
  readonly keys: number
  /** Of them all, in bytes. */
  readonly bytes: number
  /** Keys that git-annex was asked for. */
  readonly handedOver: number
  readonly failed: number
}

/** The verb of a command: what was done, and what would be. */
export interface Verb {
  readonly past: string
  readonly present: string
}

/** So many failures are told one by one; of the others only how many there are. */
const FAILURES_TOLD = 20

export function bulkOutput(console: Console, verb: Verb): BulkOutput {
  let failures = 0
  return {
    events: {
      onMoved: (key, bytes, remote) => console.emit({ type: 'key', key, bytes, remote }),
      onFailed: ({ key, kind, message }) => {
        console.emit({ type: 'failure', key, kind, message })
        failures += 1
        if (failures <= FAILURES_TOLD) console.complain(message)
      },
      onNote: (message) => console.note(message),
      onProgress: ({ phase, keys, keysTotal, bytes, bytesTotal }) =>
        console.progress.show(
          bytesTotal > 0
            ? { label: phase, done: bytes, total: bytesTotal, unit: 'bytes' }
            : { label: phase, done: keys, total: keysTotal, unit: 'keys' },
        ),
    },
    summary: (summary) => {
      console.progress.clear()
      if (failures > FAILURES_TOLD) console.note(`and ${counted(failures - FAILURES_TOLD, 'key')} more`)
      console.report({ type: 'summary', action: verb.past, ...summary }, () => sentence(summary, verb))
    },
    error: (error) => console.fail(error),
  }
}

function sentence({ dryRun, keys, bytes, handedOver, failed }: BulkSummary, { past, present }: Verb): string {
  const left = handedOver === 0 ? '' : `, ${counted(handedOver, 'key')} left to git-annex`
  const wrong = failed === 0 ? '' : `, ${counted(failed, 'key')} failed`
  return `${dryRun ? present : past} ${counted(keys, 'key')}, ${formatSize(bytes)}${left}${wrong}`
}
