import { ConfigError, StoreError } from '../core/errors.ts'
import { isNoStore } from '../ria/layout/no-store.ts'
import { Interrupted } from './terminal.ts'

/** What the exit code of a command says. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** The command line, or a setting, is not one. Nothing was done. */
  usage: 2,
  /** Done, and what was looked at is not as it should be. */
  problems: 3,
  /** The store or server cannot be reached, or there is no store. */
  unreachable: 4,
  /** Somebody else has the lock. */
  locked: 5,
} as const

/** For `riastore help exit-codes`, man pages and docs/command-line.md. */
export const EXIT_CODES: readonly (readonly [code: string, means: string])[] = [
  ['0', 'done'],
  ['1', 'failed: one line on stderr says what and where'],
  ['2', 'the command line or a setting is wrong; nothing was done'],
  ['3', 'done, but problems were found'],
  ['4', 'the store or server cannot be reached, or there is no store'],
  ['5', 'somebody else has locked it'],
  ['130, 143', 'interrupted by Ctrl-C (SIGINT), or by SIGTERM'],
]

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof ConfigError) return EXIT.usage
  if (isUnreachable(error) || isNoStore(error)) return EXIT.unreachable
  if (isLocked(error)) return EXIT.locked
  return EXIT.failed
}

/** What went wrong, in one word, for programs. */
export function errorKind(error: unknown): string {
  if (error instanceof Interrupted) return 'interrupted'
  if (error instanceof ConfigError) return 'usage'
  if (isLocked(error)) return 'locked'
  if (isUnreachable(error)) return 'unreachable'
  return error instanceof StoreError ? error.kind : 'failed'
}

/**
 * The exit code of a command that did several things, each with a code of its own. Where they
 * failed in different ways, it is that of any failure.
 */
export function commonExit(codes: readonly number[]): number {
  const bad = [...new Set(codes.filter((code) => code !== EXIT.done))]
  return bad.length === 0 ? EXIT.done : bad.length === 1 ? (bad[0] ?? EXIT.failed) : EXIT.failed
}

/** A store, or a GitLab, whose errors have kinds of their own. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'unreachable'
}

function isLocked(error: unknown): boolean {
  return error instanceof StoreError && error.kind === 'conflict' && error.op === 'lock'
}
