import { printable } from './printable.ts'

/**
 * What went wrong, as far as the caller must act differently on it. The set is closed: every table
 * that turns an error into a reply or an exit code is exhaustive over it.
 *
 * - `missing`: a thing that had to be there (a layout file, an object being read) is not. Never an
 *   answer to "is it there?".
 * - `denied`: the backend refused us.
 * - `unreachable`: no answer from the backend at all.
 * - `transient`: the backend is there and asked us to try again.
 * - `corrupt`: what came back is not what was stored.
 * - `conflict`: somebody else changed it meanwhile (put-if-absent, if-match).
 * - `full`: no space or quota left.
 * - `unsupported`: this backend or object cannot do that.
 * - `aborted`: our own caller gave up.
 */
export type StoreErrorKind =
  | 'missing'
  | 'denied'
  | 'unreachable'
  | 'transient'
  | 'corrupt'
  | 'conflict'
  | 'full'
  | 'unsupported'
  | 'aborted'

export interface StoreErrorFields {
  readonly kind: StoreErrorKind
  /** What was being done, as a verb: `stat`, `get`, `put`, `remove`, `list`, `connect`, … */
  readonly op: string
  /** The path or URL it was done to, without credentials. */
  readonly where: string
  /** One line, without secrets, that reads well after `op where: `. */
  readonly message: string
  /** Whether the backend may have acted on the request. Default `maybe`. */
  readonly sent?: 'no' | 'maybe'
  /**
   * True when it ended because nothing moved for the stall limit; such a call is not tried again.
   */
  readonly stalled?: boolean
  readonly cause?: unknown
}

/**
 * The one error class of every Store and of all that is built on Stores. Its message is a single
 * line.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly kind: StoreErrorKind
  readonly op: string
  readonly where: string
  readonly reason: string
  readonly sent: 'no' | 'maybe'
  readonly stalled: boolean

  constructor(fields: StoreErrorFields) {
    super(oneLine(`${fields.op} ${fields.where}: ${fields.message}`), { cause: fields.cause })
    this.kind = fields.kind
    this.op = fields.op
    this.where = fields.where
    this.reason = oneLine(fields.message)
    this.sent = fields.sent ?? 'maybe'
    this.stalled = fields.stalled ?? false
  }
}

/** Whether an error is a StoreError of one of these kinds. */
export function isStoreError(error: unknown, ...kinds: readonly StoreErrorKind[]): error is StoreError {
  return error instanceof StoreError && kinds.includes(error.kind)
}

/** A setting that we cannot work with: the user's to mend. Nothing was tried yet. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(message: string) {
    super(oneLine(message))
  }
}

/** Returns the message of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error))
}

/** Returns a text on one line that is safe to show on a terminal, see `printable`. */
export function oneLine(text: string): string {
  return printable(
    text
      .replace(/[\s\0]*[\r\n\0][\s\0]*/g, ' ')
      .replaceAll('\t', ' ')
      .trim(),
  )
}

/** Returns the error code of node (`ENOENT`, `ECONNREFUSED`, …) or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : undefined
}
