import { ConfigError, isStoreError } from '../core/errors.ts'
import { Interrupted } from './console.ts'

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

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof ConfigError) return EXIT.usage
  if (isStoreError(error, 'unreachable', 'missing')) return EXIT.unreachable
  if (isStoreError(error, 'conflict') && error.op === 'lock') return EXIT.locked
  return EXIT.failed
}
