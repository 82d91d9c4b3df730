import type { BulkEvents, Progress } from '../bulk/events.ts'
import { isStoreError, messageOf } from '../core/errors.ts'
import type { Console } from './console.ts'
import { exitCodeOf } from './exit-codes.ts'
import { JsonLines } from './json-lines.ts'
import { noBar, terminalBar } from './progress.ts'
import { formatSize } from './quantities.ts'
import { counted } from './tables.ts'

/** How a command that moves keys tells what it does. */
export interface BulkOutput {
  readonly events: BulkEvents
  summary(summary: BulkSummary): void
  error(error: unknown): void
  /** Takes the progress bar away. */
  end(): void
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

/** Progress is told no more often than this; ms. */
const PROGRESS_MS = 100
const JSON_PROGRESS_MS = 1_000

export function bulkOutput(console: Console, json: boolean, verb: Verb): BulkOutput {
  return json ? jsonOutput(console) : textOutput(console, verb)
}

function jsonOutput(console: Console): BulkOutput {
  const lines = new JsonLines(console)
  const isDue = every(JSON_PROGRESS_MS)
  return {
    events: {
      onMoved: (key, bytes, remote) => lines.print({ type: 'key', key, bytes, remote }),
      onFailed: ({ key, kind, message }) => lines.print({ type: 'failure', key, kind, message }),
      onNote: (message) => {
        lines.print({ type: 'note', message })
        console.note(message)
      },
      onProgress: (progress) => {
        if (isDue()) lines.print({ type: 'progress', ...progress })
      },
    },
    summary: (summary) => lines.print({ type: 'summary', ...summary }),
    error: (error) => {
      const kind = isStoreError(error) ? error.kind : error instanceof Error ? error.name : 'Error'
      lines.print({ type: 'error', kind, message: messageOf(error), exitCode: exitCodeOf(error) })
      console.fail(messageOf(error))
    },
    end: () => {},
  }
}

/** So many failures are told one by one; of the others only how many there are. */
const FAILURES_TOLD = 20

function textOutput(console: Console, verb: Verb): BulkOutput {
  const bar = console.isTerminal ? terminalBar() : noBar
  const isDue = every(PROGRESS_MS)
  let failures = 0
  const show = ({ phase, keys, keysTotal, bytes, bytesTotal }: Progress) =>
    bar.show(`${phase} ${formatSize(bytesTotal)}`, bytesTotal > 0 ? bytes : keys, bytesTotal || keysTotal)
  return {
    events: {
      onFailed: ({ message }) => {
        failures += 1
        if (failures > FAILURES_TOLD) return
        bar.clear()
        console.fail(message)
      },
      onNote: (message) => {
        bar.clear()
        console.note(message)
      },
      onProgress: (progress) => {
        if (isDue()) show(progress)
      },
    },
    summary: ({ dryRun, keys, bytes, handedOver, failed }) => {
      bar.clear()
      if (failures > FAILURES_TOLD) console.note(`and ${counted(failures - FAILURES_TOLD, 'key')} more`)
      const left = handedOver === 0 ? '' : `, ${counted(handedOver, 'key')} left to git-annex`
      const wrong = failed === 0 ? '' : `, ${counted(failed, 'key')} failed`
      console.print(`${dryRun ? verb.present : verb.past} ${counted(keys, 'key')}, ${formatSize(bytes)}${left}${wrong}`)
    },
    error: (error) => {
      bar.clear()
      console.fail(messageOf(error))
    },
    end: () => bar.clear(),
  }
}

function every(ms: number): () => boolean {
  let last = 0
  return () => {
    const now = performance.now()
    if (now - last < ms) return false
    last = now
    return true
  }
}
