import { abortedError } from '../core/abort.ts'
import { messageOf, oneLine } from '../core/errors.ts'
import { runProcess } from '../core/process/process.ts'
import { decode } from '../core/text.ts'

/**
 * A program that says nothing for so long, while others of its kind take seconds, is taken to hang.
 * ms.
 */
export const PROGRAM_STALL_MS = 300_000

/** A program that was told to end and does not is killed after this. ms. */
const GRACE_MS = 5_000

export interface ProgramOptions {
  readonly signal?: AbortSignal | undefined
  readonly cwd?: string | undefined
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
 * Runs a program that works on a dataset, to its end. It never asks anybody: it has no terminal,
 * and git is told so. `title` names it in errors (`git config`). Rejects with ProgramError, or with
 * the reason to stop when the signal aborts; by then it has ended, and so has what it started.
 */
export async function runProgram(
  title: string,
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { signal, cwd, input, env, mayEndWith = [], onStderr, stallMs = PROGRAM_STALL_MS } = options
  const finished = await runProcess(command, {
    signal,
    cwd,
    input,
    env: { ...withoutRepository(process.env), GIT_TERMINAL_PROMPT: '0', SSH_ASKPASS_REQUIRE: 'never', ...env },
    stallMs,
    ownGroup: true,
    graceMs: GRACE_MS,
    onStderr: onStderr && ((bytes) => onStderr(decode(bytes))),
  })
  const { end, stdout } = finished
  const stderr = decode(finished.stderr)
  if (end.how === 'not started') throw new ProgramError(`${title} cannot be run: ${messageOf(end.error)}`)
  if (end.how === 'stopped' && end.why === 'aborted' && signal) throw abortedError(title, cwd ?? '.', signal)
  const code = end.how === 'exited' ? end.code : undefined
  if (code === 0 || (code !== undefined && mayEndWith.includes(code))) return { code, stdout, stderr }
  const stalled = `did nothing for ${stallMs / 1000} s`
  const what = end.how === 'stopped' ? stalled : `ended with ${code === undefined ? 'a signal' : `exit code ${code}`}`
  const said = lastWords(stderr)
  const result = { stdout, stderr, ...(code !== undefined && { code }) }
  throw new ProgramError(`${title} ${what}${said && `: ${said}`}`, result)
}

/**
 * A git that runs us as its hook or alias has set these for another repository (git-rev-parse,
 * --local-env-vars).
 */
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

/** What tells most of what a program said: its errors, without its progress. */
function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const errors = lines.filter((line) => /^(fatal|error|git-annex|ssh|usage):/i.test(line))
  return (errors.length > 0 ? errors : lines).slice(-3).join(' ')
}
