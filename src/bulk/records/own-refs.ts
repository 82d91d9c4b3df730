import { randomBytes } from 'node:crypto'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../core/process/run.ts'
import type { Clone } from '../clone/clone.ts'
import { ANNEX_BRANCH } from './read-logs.ts'

/** What refs of ours are below. */
export const OWN_REFS = 'refs/riastore'

/**
 * The name of a new ref of ours. It ends in /git-annex, as those of remotes do: git-annex merges
 * each such ref into its branch.
 */
export function newRef(): string {
  return `${OWN_REFS}/${process.pid}-${randomBytes(6).toString('hex')}/git-annex`
}

/**
 * Removes refs of ours that git-annex has merged: those of this process, and what one that was
 * killed left. Whoever is still at work with one finds it gone as if removed by itself. Returns
 * their names.
 */
export async function removeMergedRefs({ gitDirectory }: Clone): Promise<ReadonlySet<string>> {
  const format = '--format=%(objectname) %(refname)'
  const listed = await run('git', ['for-each-ref', `--merged=${ANNEX_BRANCH}`, format, `${OWN_REFS}/`], {
    cwd: gitDirectory,
  })
  const removed = new Set<string>()
  for (const line of listed.stdout.toString().split('\n').slice(0, -1)) {
    const [commit = '', ref = ''] = line.split(' ')
    removed.add(ref)
    await run('git', ['update-ref', '-d', ref, commit], { cwd: gitDirectory })
  }
  await removeEmptyRefs(gitDirectory)
  return removed
}

/**
 * Removes the directory of our refs when none is left, which git does not. git makes it anew for
 * whoever is about to write one. Never rejects.
 */
export async function removeEmptyRefs(gitDirectory: string): Promise<void> {
  await rmdir(join(gitDirectory, OWN_REFS)).catch(() => {}) // somebody's refs are in it, or there is none
}
