import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { NODE_ONLY_PATH } from './programs.ts'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string | Uint8Array
  /** `open`: whoever started it writes to it. Default: closed at once, or after `input`. */
  readonly stdin?: 'open'
  /**
   * The whole process group is killed after so long; default ten minutes, for a busy machine takes
   * long for little.
   */
  readonly timeoutMs?: number
  /** Run as somebody else (root only). */
  readonly user?: User
}

/** A user by numbers: no account on this machine is needed. */
export interface User {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups?: readonly number[]
}

export interface Result {
  readonly command: string
  /** Exit status; undefined when a signal ended it. */
  readonly status: number | undefined
  readonly signal: NodeJS.Signals | undefined
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
  readonly ms: number
}

/**
 * A program under way, at the head of a process group of its own: none of its children outlives
 * `kill` or `stop`.
 */
export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly done: Promise<Result>
  /** What it said so far. */
  stdout(): string
  stderr(): string
  /** Signals the program and everything that it started. */
  killGroup(signal?: NodeJS.Signals): void
  /**
   * Resolves when stdout or stderr holds the text; rejects when the program ends without having
   * said it.
   */
  says(text: string | RegExp): Promise<void>
}

const DEFAULT_TIMEOUT_MS = 600_000

const running = new Set<Running>()

/** Kills all that was started here and is still running. Also done when this process exits. */
export function killAllRunning(): void {
  for (const each of running) each.killGroup()
}
process.on('exit', killAllRunning)
// A test run that is broken off: vitest's workers would end without a word.
if (process.env.VITEST) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

export function start(command: string, parameters: readonly string[], options: RunOptions = {}): Running {
  if (process.env.PATH === NODE_ONLY_PATH && command !== process.execPath) {
    throw new Error(`a unit test runs ${command}: it belongs to test/programs/`)
  }
  const began = performance.now()
  const [program, ...words] = [...asUser(options.user), command, ...parameters]
  const child = spawn(program ?? command, words, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8')

  const killGroup = (signal: NodeJS.Signals = 'SIGKILL') => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, signal)
    } catch {
      // Everybody is gone already.
    }
  }
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup()
  }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS)

  const done = (async (): Promise<Result> => {
    try {
      const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
      return {
        command: [command, ...parameters].join(' '),
        status: status ?? undefined,
        signal: signal ?? undefined,
        stdout: text(out),
        stderr: text(err),
        timedOut,
        ms: performance.now() - began,
      }
    } finally {
      clearTimeout(timer)
    }
  })()
  // Whoever awaits `done` gets the error; a process that nobody waits for must not end the test
  // run.
  done.catch(() => {})

  child.stdin.on('error', () => {})
  if (options.input !== undefined) child.stdin.end(options.input)
  else if (options.stdin !== 'open') child.stdin.end()

  const self: Running = {
    child,
    pid: child.pid ?? -1,
    done,
    stdout: () => text(out),
    stderr: () => text(err),
    killGroup,
    says: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const said = text(out) + text(err)
          if (typeof wanted === 'string' ? said.includes(wanted) : wanted.test(said)) resolve()
        }
        child.stdout.on('data', look)
        child.stderr.on('data', look)
        done.then((result) => {
          look()
          reject(new Error(`ended without saying ${wanted}:\n${explain(result)}`))
        }, reject)
        look()
      }),
  }
  running.add(self)
  done.finally(() => running.delete(self)).catch(() => {})
  return self
}

function asUser(user: User | undefined): string[] {
  if (user === undefined) return []
  const groups = user.groups === undefined ? '--clear-groups' : `--groups=${user.groups.join(',')}`
  return ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, groups, '--']
}

/** Runs a program to its end. Never rejects for an exit status: look at it, or use `runOk`. */
export function run(command: string, parameters: readonly string[], options: RunOptions = {}): Promise<Result> {
  return start(command, parameters, options).done
}

/** Runs a program that has to succeed. */
export async function runOk(command: string, parameters: readonly string[], options: RunOptions = {}): Promise<Result> {
  const result = await run(command, parameters, options)
  if (result.status !== 0) throw new Error(explain(result))
  return result
}

/** Everything there is to say about a run, for a failure message. */
export function explain(result: Result): string {
  const end = result.timedOut ? 'timed out' : (result.signal ?? `status ${result.status}`)
  const shorten = (text: string) => (text.length > 6000 ? `${text.slice(0, 3000)}\n…\n${text.slice(-3000)}` : text)
  return `${result.command}: ${end} after ${Math.round(result.ms)} ms\n${shorten(result.stdout)}\n${shorten(result.stderr)}`
}
