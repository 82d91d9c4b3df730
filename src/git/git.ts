import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream, readFileSync } from 'node:fs'
import { messageOf } from '../core/errors.ts'

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
}

/** git failed; the message is one line, git's own words on stderr come before it. */
export class GitError extends Error {
  override readonly name = 'GitError'
}

/** A git that neither says, reads nor computes anything for so long is stuck: on a file system that is gone, say. ms. */
const STALL_MS = 300_000

/** Runs the user's git. It may take as long as it takes, as long as it does something. Throws GitError. */
export function git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { input = '', shows = false, mayEndWith = [], gitDir, signal } = options
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new GitError(`git ${args[0]} ${what}`))
    const child = spawn('git', args, {
      stdio: ['pipe', 'pipe', shows ? 'inherit' : 'pipe'],
      env: gitDir === undefined ? process.env : environmentOf(gitDir),
      ...(signal && { signal, killSignal: 'SIGKILL' }),
    })
    const watched = watch(child, () => fail(`did nothing for ${STALL_MS / 60_000} minutes, and was ended`))
    const stdout: Buffer[] = []
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout.push(chunk)
      watched.moved()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2000)
      watched.moved()
    })
    child.on('error', (error) => {
      watched.end()
      if (signal?.aborted) reject(signal.reason)
      else fail(`cannot be run: ${messageOf(error)}`)
    })
    child.on('close', (code) => {
      watched.end()
      if (code === 0 || (code !== null && mayEndWith.includes(code))) {
        resolve({ code, stdout: Buffer.concat(stdout).toString() })
      } else
        fail(`ended with ${code === null ? 'a signal' : code}${said.trim() && `: ${said.trim().split('\n').at(-1)}`}`)
    })
    child.stdin?.on('error', () => {}) // it need not read all
    if (typeof input === 'string') child.stdin?.end(input)
    else
      createReadStream(input.file)
        .on('error', (error) => {
          child.kill('SIGKILL')
          fail(messageOf(error))
        })
        .on('data', watched.moved)
        .pipe(child.stdin as NonNullable<typeof child.stdin>)
  })
}

/** What git tells its children of another repository is not for this one. */
function environmentOf(gitDir: string): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|COMMON_DIR|.*OBJECT.*|SHALLOW_FILE|NAMESPACE)$/.test(name),
  )
  return { ...Object.fromEntries(ours), GIT_DIR: gitDir }
}

/** Calls `stalled`, and kills the child, when it does nothing for too long. Where it cannot be seen whether it computes it is left alone. */
function watch(child: ChildProcess, stalled: () => void): { moved: () => void; end: () => void } {
  let last = performance.now()
  let computed = cpuTime(child.pid)
  const moved = () => {
    last = performance.now()
  }
  const timer = setInterval(() => {
    const now = cpuTime(child.pid)
    if (now === undefined || now !== computed) moved()
    computed = now
    if (performance.now() - last < STALL_MS) return
    clearInterval(timer)
    child.kill('SIGKILL')
    stalled()
  }, STALL_MS / 10)
  timer.unref()
  return { moved, end: () => clearInterval(timer) }
}

/** In ticks, of Linux; undefined elsewhere. */
function cpuTime(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return undefined
  }
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

/** Whether a commit is among the ancestors of another. False for what is no commit. */
export async function isAncestor(old: string, id: string): Promise<boolean> {
  const commits = await ownObjects([old, id].map((each) => `${each}^{commit}`))
  if (commits.length < (old === id ? 1 : 2)) return false
  const { code } = await git(['merge-base', '--is-ancestor', old, id], { mayEndWith: [1] })
  return code === 0
}

/** Whether all that some objects refer to is there. What git's own refs refer to is taken to be, except in another repository. */
export async function isConnected(ids: readonly string[], gitDir?: string): Promise<boolean> {
  if (ids.length === 0) return true
  const args = ['rev-list', '--objects', '--quiet', '--stdin', ...(gitDir === undefined ? ['--not', '--all'] : [])]
  // 128 is how it tells what is missing.
  const { code } = await git(args, { input: ids.map((id) => `${id}\n`).join(''), mayEndWith: [1, 128], gitDir })
  return code === 0
}
