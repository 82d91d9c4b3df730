import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, StoreError } from '../../core/errors.ts'
import { findOpenWriters } from '../../core/process/open-writers.ts'
import type { Clone } from '../clone/clone.ts'
import { putKeys } from '../put.ts'
import type { PutOptions } from '../put-options.ts'
import { findRemotes } from '../remotes.ts'
import { CloneGit } from './clone-git.ts'
import { keysOfCommits } from './keys-of-commits.ts'
import { type Published, publish } from './publish.ts'
import { requireKept } from './require-kept.ts'
import { countChanges, saveChanges } from './save.ts'
import { findTarget, type Target } from './target.ts'

/** For so long it is waited for files that are open for writing; and how often it is looked. ms. */
const WRITERS_MS = 10_000
const WRITERS_LOOK_MS = 100

export interface CommitOptions extends Omit<PutOptions, 'selection'> {
  /** Of the commit. Default: how many files it has. */
  readonly message: string | undefined
  /** The git remote. Default: that of the branch, origin, or the only one. */
  readonly remote: string | undefined
}

export interface CommitReport {
  /** Files that the new commit has. With `dryRun`: that it would have. */
  readonly files: number
  /** Keys that were put into the store. */
  readonly keys: number
  /** Of them all. */
  readonly bytes: number
  /** Where the branch is, here and in the store. */
  readonly commit: string | undefined
  readonly branch: string
  readonly how: Published['how'] | undefined
  readonly races: number
}

/**
 * Makes one commit of what was changed in a clone, and brings it into its store: first the keys,
 * and when all of them are safe there, the branch and git-annex's records of them, both at once.
 * Until then nobody sees anything of it. Throws ConfigError and StoreError; then the commit is
 * here, and the next call brings it.
 */
export async function commitClone(clone: Clone, options: CommitOptions): Promise<CommitReport> {
  const { signal, dryRun, message } = options
  if (clone.isBare) throw new ConfigError(`${clone.directory} has no work tree, so nothing to commit`)
  const git = new CloneGit(clone.directory, signal)
  const target = await findTarget(clone, git, options.remote)
  const branch = target.branch.slice('refs/heads/'.length)
  if (dryRun) {
    const files = await countChanges(git)
    return { files, keys: 0, bytes: 0, commit: undefined, branch, how: undefined, races: 0 }
  }
  await writersEnd(clone, signal)
  const files = await saveChanges(git, message)
  const ours = await git.find('HEAD')
  if (ours === undefined) throw new ConfigError(`${clone.directory} has no commit, and nothing to commit`)
  const { put, bytes } = await putNew(clone, git, target, ours, options)
  const { commit, how, races } = await publish(git, target, ours, signal)
  if (!(await follow(git, ours, commit))) {
    options.events.onNote?.(`${clone.directory} was changed meanwhile, and lacks what others committed: git pull`)
  }
  return { files, keys: put, bytes, commit, branch, how, races }
}

async function putNew(clone: Clone, git: CloneGit, target: Target, ours: string, options: CommitOptions) {
  const keys = await keysOfCommits(git, await git.find(target.seen), ours)
  if (keys.length === 0) return { put: 0, bytes: 0 }
  const selection = { paths: [], cwd: clone.directory, matching: [], all: false, keys }
  const to = options.to ?? (await storageOf(clone, target.remote))
  const report = await putKeys(clone, { ...options, to, selection })
  const [failed] = report.failures
  if (failed !== undefined) {
    const count = report.failures.length
    const message = `${count} ${count === 1 ? 'key' : 'keys'} could not be put there, so nothing was pushed`
    throw new StoreError({ kind: failed, op: 'commit', where: clone.directory, message })
  }
  await requireKept(clone, keys, options.signal)
  return report
}

/**
 * Waits for the mounted folder to be told that files were closed. Throws ConfigError for those that
 * stay open: git-annex would take what may still change for the content of a key.
 */
async function writersEnd({ gitDirectory, directory }: Clone, signal: AbortSignal | undefined): Promise<void> {
  for (let waited = 0; ; waited += WRITERS_LOOK_MS) {
    const note = findOpenWriters(gitDirectory)
    if (note === undefined) return
    if (waited >= WRITERS_MS) {
      const wayOut = `close them, or where that folder is gone with its machine remove ${note}`
      throw new ConfigError(`files of ${directory} are open for writing through a mounted folder: ${wayOut}`)
    }
    await sleep(WRITERS_LOOK_MS, undefined, { signal })
  }
}

/** The storage sibling that DataLad fills before it pushes to a git remote. */
async function storageOf(clone: Clone, remote: string): Promise<string | undefined> {
  const named = clone.config.all(`remote.${remote}.datalad-publish-depends`)
  const [only, ...others] = (await findRemotes(clone)).filter(({ name }) => named.includes(name))
  return others.length > 0 ? undefined : only?.name
}

/**
 * Brings what was joined into the work tree. False where something else was done there meanwhile.
 */
async function follow(git: CloneGit, ours: string, commit: string): Promise<boolean> {
  if (commit === ours) return true
  if ((await git.find('HEAD')) !== ours) return false
  if ((await git.run(['reset', '--quiet', '--keep', commit], [0, 1, 128])).code !== 0) return false
  await git.run(['annex', 'smudge', '--update'], [0, 1]) // as git-annex's hook does after a merge
  return true
}
