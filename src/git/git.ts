import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { messageOf } from '../core/errors.ts'

export interface GitOptions {
  /** What it reads, or the file that it does. */
  readonly input?: string | { readonly file: string }
  /** It may show its progress and its errors to the user. */
  readonly shows?: boolean
  /** Exit codes that are no failure, besides 0. */
  readonly mayEndWith?: readonly number[]
}

export interface GitResult {
  readonly code: number
  readonly stdout: string
}

/** git failed; the message is one line, git's own words on stderr come before it. */
export class GitError extends Error {
  override readonly name = 'GitError'
}

/** Runs the user's git in the repository that we were started for (GIT_DIR is set). It may take as long as it takes. Throws GitError. */
export function git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { input = '', shows = false, mayEndWith = [] } = options
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new GitError(`git ${args[0]} ${what}`))
    const child = spawn('git', args, { stdio: ['pipe', 'pipe', shows ? 'inherit' : 'pipe'] })
    const stdout: Buffer[] = []
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2000)
    })
    child.on('error', (error) => fail(`cannot be run: ${messageOf(error)}`))
    child.on('close', (code) => {
      if (code === 0 || (code !== null && mayEndWith.includes(code))) {
        resolve({ code, stdout: Buffer.concat(stdout).toString() })
      } else
        fail(`ended with ${code === null ? 'a signal' : code}${said.trim() && `: ${said.trim().split('\n').at(-1)}`}`)
    })
    child.stdin?.on('error', () => {}) // it need not read all
    if (typeof input === 'string') child.stdin?.end(input)
    else
      createReadStream(input.file)
        .on('error', (error) => fail(messageOf(error)))
        .pipe(child.stdin as NonNullable<typeof child.stdin>)
  })
}

/** The full name of an object, or undefined when there is none. */
export async function resolveObject(name: string): Promise<string | undefined> {
  const { code, stdout } = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', name], {
    mayEndWith: [1, 128],
  })
  return code === 0 ? stdout.trim() : undefined
}

/** Those of some objects that the repository has. */
export async function ownObjects(ids: Iterable<string>): Promise<string[]> {
  const input = [...new Set(ids)].map((id) => `${id}\n`).join('')
  if (input === '') return []
  const { stdout } = await git(['cat-file', '--batch-check=%(objectname)'], { input })
  return stdout.split('\n').filter((line) => line !== '' && !line.endsWith(' missing'))
}

/** Whether a commit is among the ancestors of another. False for what is no commit. */
export async function isAncestor(old: string, id: string): Promise<boolean> {
  const { code } = await git(['merge-base', '--is-ancestor', old, id], { mayEndWith: [1, 128] })
  return code === 0
}

/** Whether all that some objects refer to is there. */
export async function isConnected(ids: readonly string[]): Promise<boolean> {
  const args = ['rev-list', '--objects', '--quiet', '--stdin', '--not', '--all']
  const { code } = await git(args, { input: ids.map((id) => `${id}\n`).join(''), mayEndWith: [1, 128] })
  return code === 0
}
