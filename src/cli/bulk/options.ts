import type { StoreErrorKind } from '../../core/errors.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { requestLog } from '../verbosity.ts'

export interface BulkArgs {
  readonly path: readonly string[]
  readonly recursive: boolean | undefined
  readonly key: readonly string[] | undefined
  readonly all: boolean | undefined
  readonly jobs: string | undefined
  readonly bwlimit: string | undefined
  readonly dryRun: boolean | undefined
  readonly matching: readonly string[]
}

/** What both directions are told, read from the command line. Throws ConfigError. */
export function bulkSettings(console: Console, args: BulkArgs) {
  return {
    ...limitsOf(args),
    dryRun: args.dryRun === true,
    signal: console.signal,
    log: requestLog(),
  }
}

/** The exit code for keys that could not be moved. */
export function failureCode(failures: readonly StoreErrorKind[]): number {
  if (failures.length === 0) return EXIT.done
  return failures.every((kind) => kind === 'unreachable') ? EXIT.unreachable : EXIT.failed
}
