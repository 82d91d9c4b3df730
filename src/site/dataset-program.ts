import { spawn } from 'node:child_process'
import { abortedError } from '../core/abort.ts'
import { messageOf, oneLine } from '../core/errors.ts'
import { decode } from '../core/text.ts'

/** A program that says nothing for so long, while others of its kind take seconds, is taken to hang. ms. */
export const PROGRAM_STALL_MS = 300_000

/** Of what a program says on stderr, so much is kept. Characters. */
const STDERR_CHARACTERS = 64 * 1024

/** Who was told to end and does not is killed after this. ms. */
const GRACE_MS = 5_000

export interface ProgramOptions {
  readonly signal?: AbortSignal | undefined
  readonly cwd?: string
  /** Given to its stdin, which is empty without. */
  readonly input?: string | Uint8Array
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Exit codes that are no failure, besides 0. */
  readonly mayEndWith?: readonly number[]
  /** Gets each piece of what it says on stderr. */
  readonly onStderr?: (text: string) => void
  /** It has failed when it printed nothing for so long. Default PROGRAM_STALL_MS. */
  readonly stallMs?: number
}

export interface ProgramResult {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** A program failed. The message is one line: what was run, and what it said last. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
  /** Undefined when it did not run, or was ended by a signal. */
  readonly code: number | undefined
  readonly stdout: Buffer
  readonly stderr: string

  constructor(message: string, { code, stdout, stderr }: Partial<ProgramResult> = {}) {
    super(oneLine(message))
    this.code = code
    this.stdout = stdout ?? Buffer.alloc(0)
    this.stderr = stderr ?? ''
  }
}

/**
 * Runs a program that works on a dataset, to its end. It never asks anybody: it has no terminal, and git is told so. `title` names it
 * in errors (`git config`). Rejects with ProgramError, or with the reason to stop when the signal aborts; by then it has ended, and
 * so has what it started.
 */
export function runProgram(
  title: string,
  [program = '', ...args]: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { signal, cwd, input, env, mayEndWith = [], onStderr, stallMs = PROGRAM_STALL_MS } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError(title, cwd ?? '.', signal))
    // A group of its own: a Ctrl-C in the terminal goes to us alone, and we end it together with what it started.
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd,
      env: { ...withoutRepository(process.env), GIT_TERMINAL_PROMPT: '0', SSH_ASKPASS_REQUIRE: 'never', ...env },
      detached: true,
    })
    let stalled = false
    let killing: NodeJS.Timeout | undefined
    const end = () => {
      killGroup(child.pid, 'SIGTERM')
      killing ??= setTimeout(() => {
        killGroup(child.pid, 'SIGKILL')
        for (const pipe of child.stdio) pipe?.destroy() // who left the group may hold them open
      }, GRACE_MS)
    }
    const stall = setTimeout(() => {
      stalled = true
      end()
    }, stallMs)
    signal?.addEventListener('abort', end, { once: true })
    const settled = () => {
      clearTimeout(stall)
      clearTimeout(killing)
      signal?.removeEventListener('abort', end)
    }
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stall.refresh()
      stdout.push(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stall.refresh()
      const text = decode(chunk)
      onStderr?.(text)
      stderr = (stderr + text).slice(-STDERR_CHARACTERS)
    })
    child.stdin.on('error', () => {}) // it need not read all
    child.on('error', (error) => {
      settled()
      reject(new ProgramError(`${title} cannot be run: ${messageOf(error)}`))
    })
    child.on('close', (code) => {
      settled()
      const result = { code: code ?? -1, stdout: Buffer.concat(stdout), stderr }
      if (code === 0 || (code !== null && mayEndWith.includes(code))) return resolve(result)
      if (signal?.aborted) return reject(abortedError(title, cwd ?? '.', signal))
      const what = stalled
        ? `did nothing for ${stallMs / 1000} s`
        : `ended with ${code === null ? 'a signal' : `exit code ${code}`}`
      const said = lastWords(stderr)
      reject(new ProgramError(`${title} ${what}${said && `: ${said}`}`, { ...result, ...(code !== null && { code }) }))
    })
    child.stdin.end(input)
  })
}

/** Who runs us as a hook or an alias of git has set these for another repository (git-rev-parse, --local-env-vars). */
const OF_A_REPOSITORY = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_COMMON_DIR',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_NAMESPACE',
  'GIT_PREFIX',
]

function withoutRepository(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OF_A_REPOSITORY.includes(name)))
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // it has ended
  }
}

/** What tells most of what a program said: its errors, without its progress. */
function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const errors = lines.filter((line) => /^(fatal|error|git-annex|ssh|usage):/i.test(line))
  return (errors.length > 0 ? errors : lines).slice(-3).join(' ')
}
