import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import type { Clone } from '../clone/clone.ts'
import { outputOf } from '../clone/programs.ts'
import { ANNEX_BRANCH } from './read-logs.ts'

/**
 * Has git-annex merge into its branch what was fetched of other clones' branches, and commit what
 * it noted and did not commit: then the branch says what is known of where keys are. It is not
 * started where there is nothing of either. Throws StoreError.
 */
export async function mergeFetched(clone: Clone, signal?: AbortSignal): Promise<void> {
  if (!hasJournal(clone) && (await isAllMerged(clone))) return
  await askForRecords(clone, signal)
}

/**
 * git-annex merges and commits when it reads its records, and these need no remote to be started.
 */
export async function askForRecords({ directory }: Clone, signal?: AbortSignal): Promise<void> {
  await outputOf('git', ['annex', 'numcopies'], { cwd: directory, signal, accepts: [0, 1] })
}

/** Where git-annex notes what it has not committed. One that cannot be read may have something. */
function hasJournal({ annexDirectory }: Clone): boolean {
  try {
    return readdirSync(join(annexDirectory, 'journal')).length > 0
  } catch (error) {
    return codeOf(error) !== 'ENOENT'
  }
}

/** Whether all that git-annex would merge, refs whose names end so, is in its branch. */
async function isAllMerged({ gitDirectory }: Clone): Promise<boolean> {
  const asked = ['for-each-ref', '--count=1', `--no-merged=${ANNEX_BRANCH}`, '--format=%(refname)', 'refs/**/git-annex']
  const { code, stdout } = await run('git', asked, { cwd: gitDirectory })
  return code === 0 && stdout.length === 0
}
