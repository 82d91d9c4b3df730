import { messageOf } from '../../core/errors.ts'
import { type ProcessEnd, runProcess } from '../../core/process/process.ts'

export interface GitOptions {
  /** What it reads, or the file that it does. */
  readonly input?: string | { readonly file: string }
  /** It may show its progress and its errors to the user. */
  readonly shows?: boolean
  /** Exit codes that are no failure, besides 0. */
  readonly mayEndWith?: readonly number[]
  /** Another repository than the one that we were started for (whose GIT_DIR is set). */
  readonly gitDir?: string | undefined
  /** Ends it. */
  readonly signal?: AbortSignal | undefined
}

export interface GitResult {
  readonly code: number
  readonly stdout: string
  /** The same, as it came. */
  readonly bytes: Buffer
}

/** git failed; the message is one line, git's own words on stderr come before it. */
export class GitError extends Error {
  override readonly name = 'GitError'
}

/**
 * A git that neither says, reads nor computes anything for so long is stuck: on a file system that
 * is gone, say. ms.
 */
const STALL_MS = 300_000

/**
 * Runs the user's git. It may take as long as it takes, as long as it does something. Throws
 * GitError.
 */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { input, shows = false, mayEndWith = [], gitDir, signal } = options
  const { end, stdout, stderr } = await runProcess(['git', ...args], {
    input,
    env: gitDir === undefined ? undefined : environmentOf(gitDir),
    stderr: shows ? 'shown' : 'kept',
    signal,
    stallMs: STALL_MS,
    countsComputing: true,
  })
  if (end.how === 'exited' && (end.code === 0 || mayEndWith.includes(end.code))) {
    return { code: end.code, stdout: stdout.toString(), bytes: stdout }
  }
  if (end.how === 'stopped' && end.why === 'aborted') throw signal?.reason
  throw new GitError(`git ${args[0]} ${whatHappened(end, stderr.toString())}`)
}

/** In a few words, with the last line that it said. */
function whatHappened(end: ProcessEnd, stderr: string): string {
  if (end.how === 'not started') return `cannot be run: ${messageOf(end.error)}`
  if (end.how === 'stopped') {
    if (typeof end.why === 'object') return messageOf(end.why.input)
    return `did nothing for ${STALL_MS / 60_000} minutes, and was ended`
  }
  const said = stderr.trim().split('\n').at(-1)
  return `ended with ${end.how === 'exited' ? end.code : 'a signal'}${said && `: ${said}`}`
}

/** What git tells its children of another repository is not for this one. */
function environmentOf(gitDir: string): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|COMMON_DIR|.*OBJECT.*|SHALLOW_FILE|NAMESPACE)$/.test(name),
  )
  return { ...Object.fromEntries(ours), GIT_DIR: gitDir }
}

/** The full name of an object, or undefined when there is none. */
export async function resolveObject(name: string): Promise<string | undefined> {
  const { code, stdout } = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', name], {
    mayEndWith: [1],
  })
  return code === 0 ? stdout.trim() : undefined
}

/** Those of some objects that the repository has. */
export async function ownObjects(ids: Iterable<string>, gitDir?: string): Promise<string[]> {
  const input = [...new Set(ids)].map((id) => `${id}\n`).join('')
  if (input === '') return []
  const { stdout } = await git(['cat-file', '--batch-check=%(objectname)'], { input, gitDir })
  return stdout.split('\n').filter((line) => line !== '' && !line.endsWith(' missing'))
}

/** What tags are of, in the end, by their object ids. What is no tag has no entry. */
export async function peelTags(ids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const all = [...new Set(ids)]
  if (all.length === 0) return new Map()
  const input = all.map((id) => `${id}^{}\n`).join('')
  const { stdout } = await git(['cat-file', '--batch-check=%(objectname)'], { input })
  const targets = stdout.split('\n')
  return new Map(
    all.flatMap((id, at) =>
      /^[0-9a-f]{40}$/.test(targets[at] ?? '') && targets[at] !== id ? [[id, targets[at] ?? '']] : [],
    ),
  )
}

/**
 * Whether a commit is among the ancestors of another. False for what is no commit, and where the
 * history in between is not whole.
 */
export async function isAncestor(old: string, id: string, gitDir?: string): Promise<boolean> {
  const commits = await ownObjects(
    [old, id].map((each) => `${each}^{commit}`),
    gitDir,
  )
  if (commits.length < (old === id ? 1 : 2)) return false
  const { code } = await git(['merge-base', '--is-ancestor', old, id], { mayEndWith: [1, 128], gitDir })
  return code === 0
}

/**
 * Whether all that some objects refer to is there. What git's own refs refer to is taken to be,
 * except in another repository.
 */
export async function isConnected(ids: readonly string[], gitDir?: string): Promise<boolean> {
  if (ids.length === 0) return true
  const args = ['rev-list', '--objects', '--quiet', '--stdin', ...(gitDir === undefined ? ['--not', '--all'] : [])]
  // 128 is how it tells what is missing.
  const { code } = await git(args, { input: ids.map((id) => `${id}\n`).join(''), mayEndWith: [1, 128], gitDir })
  return code === 0
}
