import { ConfigError } from '../core/errors.ts'
import { decode } from '../core/text.ts'
import type { Clone } from './clone/clone.ts'
import type { KeyTable } from './clone/key-table.ts'
import { splitAt, startProgram } from './clone/programs.ts'

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
 * counts. Throws StoreError with what git-annex said when it refuses one of them.
 */
export async function findKeys(
  clone: Clone,
  selection: Selection,
  presence: 'here' | 'not here',
  table: KeyTable,
  signal?: AbortSignal,
): Promise<void> {
  const { paths, cwd, matching, all, keys } = selection
  if (keys.length > 0) {
    if (paths.length > 0 || all || matching.length > 0) throw new ConfigError('--key goes with no other choice of keys')
    for (const key of keys) table.add(key)
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
  for await (const bytes of splitAt(started.stdout, 0)) table.add(decode(bytes))
  await started.ended
}
