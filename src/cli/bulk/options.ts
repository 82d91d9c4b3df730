import type { Clone } from '../../bulk/clone/clone.ts'
import { ConfigError, StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { requestLog } from '../process-terminal.ts'

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

/** Remotes that git-annex has everywhere. */
const BUILT_IN = ['web', 'bittorrent', 'here', '.']

/**
 * What git-annex would refuse it is not asked for with --dry-run, so a remote that it does not know
 * is found out here. Throws StoreError `missing`.
 */
export function requireRemote({ config, directory }: Clone, name: string | undefined): void {
  if (name === undefined || BUILT_IN.includes(name)) return
  for (const key of config.keys()) {
    const [, remote, setting] = /^remote\.(.+)\.(url|annex-uuid)$/s.exec(key) ?? []
    if (remote === name || (setting === 'annex-uuid' && config.get(key) === name)) return
  }
  const message = `there is no remote ${JSON.stringify(name)}: git remote lists them`
  throw new StoreError({ kind: 'missing', op: 'find', where: directory, message, sent: 'no' })
}

/** Throws ConfigError for what is no key of git-annex, of which it would say that all is done. */
export function requireKeys(keys: readonly string[]): void {
  const wrong = keys.find((key) => parseKey(key).backend === '')
  if (wrong !== undefined) throw new ConfigError(`${JSON.stringify(wrong)} is no key: those are like MD5E-s10--….dat`)
}
