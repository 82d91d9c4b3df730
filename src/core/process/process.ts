import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { watchStall } from './stall.ts'

/**
 * After this a process that was killed is not waited for any more: a file system may hold it. ms.
 */
const KILLED_LIMIT_MS = 5_000

/** What a process started may end by itself for so long after that was asked to end. ms. */
const ALONE_MS = 1_000

export interface ProcessOptions {
  readonly cwd?: string | undefined
  /** Instead of our own environment. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** What it reads, or the file that it does. Nothing without. */
  readonly input?: string | Uint8Array | { readonly file: string } | undefined
  /** An open file of ours that it has as its fourth descriptor, /dev/fd/3. */
  readonly fd3?: number | undefined
  /** Stops it. */
  readonly signal?: AbortSignal | undefined
  /** It is stopped when it still runs after so long. ms. */
  readonly limitMs?: number | undefined
  /**
   * It is stopped when it did nothing for so long: neither printed nor read, nor computed where
   * that counts. ms.
   */
  readonly stallMs?: number | undefined
  /**
   * Computing is doing something. Where the system does not show it, it is never taken to be
   * stalled.
   */
  readonly countsComputing?: boolean | undefined
  /**
   * It and all that it starts are a group of their own, and are stopped together. A Ctrl-C in the
   * terminal does not reach them then: for callers that are told of it, and stop them.
   */
  readonly ownGroup?: boolean | undefined
  /**
   * To be stopped it is asked to end, then its group, and killed after so long. Default: it is
   * killed at once. ms.
   */
  readonly graceMs?: number | undefined
  /**
   * How much of stdout is kept; it is stopped when there is more, or the rest is not kept. Default:
   * all. Bytes.
   */
  readonly maxOutput?: { readonly bytes: number; readonly more: 'stops' | 'is dropped' } | undefined
  /** `kept`: the end of it, for messages. `shown`: it is our own stderr. */
  readonly stderr?: 'kept' | 'shown' | 'dropped' | undefined
  /** Gets each piece of stdout, which is not kept then. */
  readonly onStdout?: ((bytes: Buffer) => void) | undefined
  /** Gets each piece of stderr, which is kept besides. */
  readonly onStderr?: ((bytes: Buffer) => void) | undefined
}

/** Why a process was stopped by us: the caller's signal, a limit, or input that cannot be read. */
export type StopReason = 'aborted' | 'limit' | 'stalled' | 'output' | { readonly input: Error }

/** How a process ended. */
export type ProcessEnd =
  | { readonly how: 'exited'; readonly code: number }
  | { readonly how: 'killed'; readonly signal: NodeJS.Signals | undefined }
  | { readonly how: 'stopped'; readonly why: StopReason }
  | { readonly how: 'not started'; readonly error: Error }

export interface FinishedProcess {
  readonly end: ProcessEnd
  readonly stdout: Buffer
  readonly stderr: Buffer
}

/** Of stderr, so much is kept: its end. Bytes. */
const STDERR_BYTES = 64 * 1024

/**
 * Runs a program to its end: the one place where one is started that is not read from as a stream.
 * Its pipes are ours (git-annex waits for whoever holds its own stderr), unless stderr is `shown`.
 * It has no terminal when it has a group of its own. Never rejects: what an end means is the
 * caller's to say.
 */
export function runProcess(command: readonly string[], options: ProcessOptions = {}): Promise<FinishedProcess> {
  const [program = '', ...args] = command
  const { cwd, env, signal, limitMs, stallMs, ownGroup = false, graceMs = 0, maxOutput } = options
  const shown = options.stderr === 'shown' ? 'inherit' : 'pipe'
  const kept = { stdout: [] as Buffer[], length: 0, stderr: Buffer.alloc(0) }
  return new Promise((resolve) => {
    let why: StopReason | undefined
    let clock: NodeJS.Timeout | undefined
    let asking: NodeJS.Timeout | undefined
    let killing: NodeJS.Timeout | undefined
    let watch: ReturnType<typeof watchStall> | undefined
    const finish = (end: ProcessEnd) => {
      for (const timer of [clock, asking, killing]) clearTimeout(timer)
      watch?.end()
      signal?.removeEventListener('abort', onAbort)
      resolve({ end, stdout: Buffer.concat(kept.stdout), stderr: kept.stderr })
    }
    const onAbort = () => stop('aborted')
    if (signal?.aborted) return finish({ how: 'stopped', why: 'aborted' })
    let child: ChildProcess
    try {
      const stdio = ['pipe', 'pipe', shown, ...(options.fd3 === undefined ? [] : [options.fd3])] as const
      child = spawn(program, args, { cwd, env, stdio: [...stdio], detached: ownGroup })
    } catch (error) {
      return finish({ how: 'not started', error: error as Error })
    }
    const kill = () => {
      endProcess(child, 'SIGKILL', ownGroup)
      for (const pipe of child.stdio) pipe?.destroy() // what it started may hold them open
      killing = setTimeout(() => why && finish({ how: 'stopped', why }), KILLED_LIMIT_MS)
    }
    const stop = (reason: StopReason) => {
      if (why !== undefined) return
      why = reason
      if (graceMs === 0) return kill()
      // First it alone: what it started may be a git that is just changing a file, and would leave
      // its lock file behind.
      child.kill('SIGTERM')
      asking = setTimeout(() => endProcess(child, 'SIGTERM', ownGroup), Math.min(ALONE_MS, graceMs / 2))
      killing = setTimeout(kill, graceMs)
    }
    if (limitMs !== undefined) clock = setTimeout(() => stop('limit'), limitMs)
    if (stallMs !== undefined) watch = watchStall(child.pid, stallMs, options.countsComputing, () => stop('stalled'))
    signal?.addEventListener('abort', onAbort, { once: true })

    child.stdout?.on('data', (bytes: Buffer) => {
      watch?.moved()
      if (options.onStdout !== undefined) return options.onStdout(bytes)
      const room = (maxOutput?.bytes ?? Number.POSITIVE_INFINITY) - kept.length
      kept.length += bytes.length
      if (room > 0) kept.stdout.push(bytes.length > room ? bytes.subarray(0, room) : bytes)
      if (bytes.length > room && maxOutput?.more === 'stops') stop('output')
    })
    child.stderr?.on('data', (bytes: Buffer) => {
      watch?.moved()
      if (options.stderr === 'dropped') return
      options.onStderr?.(bytes)
      kept.stderr = Buffer.concat([kept.stderr, bytes]).subarray(-STDERR_BYTES)
    })
    child.on('error', (error) => {
      if (child.pid === undefined) finish({ how: 'not started', error })
    })
    child.on('close', (code, by) => {
      if (why !== undefined) finish({ how: 'stopped', why })
      else if (code === null) finish({ how: 'killed', signal: by ?? undefined })
      else finish({ how: 'exited', code })
    })
    feed(
      child,
      options.input,
      () => watch?.moved(),
      (error) => stop({ input: error }),
    )
  })
}

/** Gives a process its input. It need not read all of it. */
function feed(
  { stdin }: ChildProcess,
  input: ProcessOptions['input'],
  moved: () => void,
  failed: (error: Error) => void,
): void {
  if (!stdin) return
  stdin.on('error', () => {})
  if (typeof input !== 'object' || input instanceof Uint8Array) {
    stdin.end(input ?? '')
    return
  }
  const file: Readable = createReadStream(input.file)
  file.on('error', failed).on('data', moved).pipe(stdin)
  stdin.on('close', () => file.destroy())
}

/**
 * Sends a signal to a process, or to its group. Once a process was waited for, its number may be
 * given to another: then only a group that no new process leads can be what is left of its own.
 */
function endProcess(child: ChildProcess, signal: NodeJS.Signals, group: boolean): void {
  const { pid } = child
  if (!group || pid === undefined) {
    child.kill(signal)
    return
  }
  try {
    const isGone = child.exitCode !== null || child.signalCode !== null
    if (!isGone || !exists(pid)) process.kill(-pid, signal)
  } catch {} // all of it has ended
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
