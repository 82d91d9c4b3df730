import { inTemporaryDirectory } from '../../core/work-directory.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { RefState } from '../refs/ref-state.ts'
import { git, isAncestor } from './git.ts'
import { addHistory } from './history.ts'
import { newRepository } from './scratch-repository.ts'

/** Commits that we add to a branch of a copy, and add again where they are lost. */
export interface OwnRecord {
  readonly message: string
  /** The only file that they change. */
  readonly file: string
}

/** More commits than this are not ours alone. */
const RECORDS_AT_MOST = 50

/** Whether a ref is where another one is, or ahead of it. A tag is the same one, or another. */
export async function hasAllOf(name: string, id: string, other: string, gitDir: string): Promise<boolean> {
  return id === other || (!name.startsWith('refs/tags/') && (await isAncestor(other, id, gitDir)))
}

/** Whether all that a commit has and another has not are records of ours. */
export async function hasOnlyRecords(
  id: string,
  other: string,
  { message, file }: OwnRecord,
  gitDir: string,
): Promise<boolean> {
  const { code, stdout } = await git(['rev-list', `--max-count=${RECORDS_AT_MOST}`, id, '--not', other], {
    gitDir,
    mayEndWith: [128],
  })
  const commits = stdout.split('\n').filter((line) => line !== '')
  if (code !== 0 || commits.length === RECORDS_AT_MOST) return false
  for (const commit of commits) {
    const said = await git(['show', '-s', '--format=%B', commit], { gitDir })
    const changed = await git(['diff-tree', '-r', '-m', '--no-commit-id', '--name-only', commit], { gitDir })
    if (said.stdout.trim() !== message || changed.stdout.trim() !== file) return false
  }
  return true
}

/** The refs of a state that a copy has not, or of which it lacks commits. */
export async function refsNotIn(
  { refs }: RefState,
  copy: StoredDataset,
  there: RefState,
  call: CallOptions,
): Promise<readonly string[]> {
  const differing = [...refs].filter(([name, id]) => there.refs.get(name) !== id)
  if (differing.every(([name]) => !there.refs.has(name))) return differing.map(([name]) => name)
  return inTemporaryDirectory(async (work) => {
    const gitDir = await newRepository(work, 'copy.git', call.signal)
    await addHistory(copy, there, work, gitDir, call)
    const lacking: string[] = []
    for (const [name, id] of differing) {
      const now = there.refs.get(name)
      if (now === undefined || !(await hasAllOf(name, now, id, gitDir))) lacking.push(name)
    }
    return lacking
  })
}
