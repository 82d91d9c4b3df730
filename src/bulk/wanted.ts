import { ConfigError } from '../core/errors.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { decode } from '../core/text.ts'
import type { CallOptions } from '../store/store.ts'
import type { Clone } from './clone/clone.ts'
import { splitAt, startProgram } from './clone/programs.ts'
import type { WorkDirectory } from './clone/work-directory.ts'
import { BranchListing } from './records/branch-listing.ts'
import { mergeFetched } from './records/merge-fetched.ts'
import { removeMergedRefs } from './records/own-refs.ts'
import { ASK_BY_PATH_KEYS } from './records/read-logs.ts'

/** Which keys a command is about. */
export interface Selection {
  /** Files and directories, relative to `cwd`; none: all below it. */
  readonly paths: readonly string[]
  readonly cwd: string
  /** git-annex's matching options, as they were given. */
  readonly matching: readonly string[]
  /** All keys that git-annex knows, in place of the work tree's. */
  readonly all: boolean
  /** These keys, in place of those of files. */
  readonly keys: readonly string[]
}

/**
 * Adds the keys of a selection to the table, as far as they are (or are not) in this repository.
 * git-annex itself finds them, so its own reading of paths, adjusted branches and matching options
 * counts. `onKey` gets each that the table did not have. Throws StoreError with what git-annex said
 * when it refuses one of them.
 */
export async function findKeys(
  clone: Clone,
  selection: Selection,
  presence: 'here' | 'not here',
  table: KeyTable,
  signal?: AbortSignal,
  onKey: (number: number) => void = () => {},
): Promise<void> {
  const add = (key: string) => {
    const known = table.size
    const number = table.add(key)
    if (table.size > known) onKey(number)
  }
  const { paths, cwd, matching, all, keys } = selection
  if (keys.length > 0) {
    if (paths.length > 0 || all || matching.length > 0) throw new ConfigError('--key goes with no other choice of keys')
    for (const key of keys) add(key)
    return
  }
  const everything = all || (clone.isBare && paths.length === 0)
  if (everything && paths.length > 0) throw new ConfigError('--all and paths do not go together')
  const what = everything ? ['findkeys'] : ['find']
  const started = startProgram(
    'git',
    [
      'annex',
      ...what,
      ...(presence === 'here' ? [] : ['--not']),
      '--in=here',
      ...(matching.length > 0 ? ['--and', '-(', ...matching, '-)'] : []),
      '--format=$' + '{key}\\000',
      ...(everything ? [] : ['--', ...paths]),
    ],
    { cwd: everything ? clone.directory : cwd, signal },
  )
  for await (const bytes of splitAt(started.stdout, 0)) add(decode(bytes))
  await started.ended
}

export interface SurveyOptions extends CallOptions {
  readonly presence: 'here' | 'not here'
  /** Nothing is written to the repository. */
  readonly dryRun: boolean
  readonly table: KeyTable
  readonly work: WorkDirectory
  /** A key that was not in the table before. */
  readonly onKey: (number: number) => void
}

/**
 * Finds the keys of a selection. At the same time git-annex merges what was fetched with the git
 * repository, which says where keys are; and once there are so many keys that their logs will not
 * be asked for one by one, the branch is listed, too. Resolves with that listing, which the caller
 * closes or reads. Throws as `findKeys` does.
 */
export async function survey(
  clone: Clone,
  selection: Selection,
  { presence, dryRun, table, work, onKey, signal }: SurveyOptions,
): Promise<BranchListing | undefined> {
  const failed = new AbortController()
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  const merged = mergeFetched(clone, either).then(() => (dryRun ? undefined : removeMergedRefs(clone)))
  let listing: Promise<BranchListing> | undefined
  const list = async () => {
    await merged
    return BranchListing.make(clone, work, either)
  }
  const found = findKeys(clone, selection, presence, table, signal, (number) => {
    onKey(number)
    if (table.size <= ASK_BY_PATH_KEYS || listing !== undefined) return
    listing = list()
    listing.catch(() => {}) // awaited below
  })
  try {
    await Promise.all([found, merged])
    return await listing
  } catch (error) {
    failed.abort(error)
    const unused = await listing?.catch(() => undefined)
    unused?.close()
    throw error
  }
}
