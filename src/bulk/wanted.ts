import { ConfigError } from '../core/errors.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { decode } from '../core/text.ts'
import type { Clone } from './clone/clone.ts'
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
