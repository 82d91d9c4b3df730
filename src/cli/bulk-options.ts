import { ConfigError, type StoreErrorKind } from '../core/errors.ts'
import type { Console } from './console.ts'
import { EXIT } from './exit-codes.ts'
import { parseCount, parseSize } from './quantities.ts'

/** The options that say which keys of a clone are meant. */
export const SELECTION = {
  recursive: { type: 'boolean', alias: 'r', describe: 'in subdatasets that are installed, too' },
  key: { type: 'string', array: true, requiresArg: true, describe: 'this key, in place of files' },
  all: { type: 'boolean', alias: 'A', describe: 'all keys that the repository knows, in place of files' },
} as const

/** The options that all commands have that move keys. `done`: what is done to a key. */
export function bulkOptions(done: string) {
  return {
    jobs: { type: 'string', alias: 'J', requiresArg: true, describe: 'keys at once. Default: what the store takes' },
    bwlimit: { type: 'string', requiresArg: true, describe: 'bytes a second, at most: 10M' },
    'dry-run': { type: 'boolean', alias: 'n', describe: `say what would be ${done}, and do nothing` },
    json: { type: 'boolean', describe: 'print JSON, an object a line' },
  } as const
}

export interface BulkArgs {
  path?: string[]
  recursive?: boolean
  key?: string[]
  all?: boolean
  jobs?: string
  bwlimit?: string
  'dry-run'?: boolean
  json?: boolean
}

/** What both directions are told, read from the command line. Throws ConfigError. */
export function bulkSettings(console: Console, args: BulkArgs) {
  return {
    jobs: args.jobs === undefined ? undefined : positive('jobs', parseCount('jobs', args.jobs, 1024)),
    bytesPerSecond: args.bwlimit === undefined ? undefined : positive('bwlimit', parseSize('bwlimit', args.bwlimit)),
    dryRun: args['dry-run'] === true,
    signal: console.signal,
    log: process.env.RIASTORE_DEBUG ? (line: string) => process.stderr.write(`riastore: ${line}\n`) : undefined,
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value
  throw new ConfigError(`--${name} is 0: nothing would ever come`)
}

/** The exit code for keys that could not be moved. */
export function failureCode(failures: readonly StoreErrorKind[]): number {
  if (failures.length === 0) return EXIT.done
  return failures.every((kind) => kind === 'unreachable') ? EXIT.unreachable : EXIT.failed
}
