import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { ProcessEnd } from './process.ts'
import { watchStall } from './stall.ts'

/** What is kept of stderr, for messages: its beginning. Bytes. */
const STDERR_BYTES = 16 * 1024

export interface StreamOptions {
  readonly cwd: string
  /** Instead of our own environment. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** What it reads: nothing, what is written to `stdin`, or an open file. */
  readonly stdin: 'ignore' | 'pipe' | number
  /** `shown`: it is our own stderr. */
  readonly stderr: 'kept' | 'shown'
  /** Stops it. */
  readonly signal?: AbortSignal | undefined
  /**
   * It is stopped when neither it nor what it started computes, or says an error, for so long. ms.
   */
  readonly stallMs: number
  /** To be stopped it is asked to end, and killed after so long. ms. */
  readonly graceMs: number
}

/** A process that runs. */
export interface StreamedProcess {
  readonly stdout: Readable
  readonly stdin: Writable
  /** Never rejects: what an end means is the caller's to say. */
  readonly end: Promise<ProcessEnd>
  /** What it said on stderr so far. */
  readonly said: () => string
}

/**
 * Starts a program whose output is read while it runs; runProcess is for all others. What it prints
 * waits in the pipe until it is read.
 */
export function streamProcess(command: readonly string[], options: StreamOptions): StreamedProcess {
  const [program = '', ...args] = command
  const { cwd, env, stdin, signal, stallMs, graceMs } = options
  const shown = options.stderr === 'shown' ? 'inherit' : 'pipe'
  const child: ChildProcess = spawn(program, args, { cwd, env, stdio: [stdin, 'pipe', shown] })
  let why: 'aborted' | 'stalled' | undefined
  let killing: NodeJS.Timeout | undefined
  const stop = (reason: 'aborted' | 'stalled') => {
    why ??= reason
    child.kill('SIGTERM')
    killing ??= setTimeout(() => child.kill('SIGKILL'), graceMs).unref()
  }
  const onAbort = () => stop('aborted')
  const watch = watchStall(child.pid, stallMs, true, () => stop('stalled'))
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const errors: Buffer[] = []
  let kept = 0
  child.stderr?.on('data', (chunk: Buffer) => {
    watch.moved()
    if (kept < STDERR_BYTES) errors.push(chunk)
    kept += chunk.length
  })
  const end = new Promise<ProcessEnd>((resolve) => {
    const finish = (how: ProcessEnd) => {
      signal?.removeEventListener('abort', onAbort)
      watch.end()
      clearTimeout(killing)
      resolve(how)
    }
    child.on('error', (error) => {
      if (child.pid === undefined) finish({ how: 'not started', error })
    })
    child.on('close', (code, by) => {
      if (why !== undefined) finish({ how: 'stopped', why })
      else if (code === null) finish({ how: 'killed', signal: by ?? undefined })
      else finish({ how: 'exited', code })
    })
  })
  child.stdin?.on('error', () => {}) // it ended: `end` says how
  const said = () => Buffer.concat(errors).toString().trim()
  return { stdout: child.stdout as Readable, stdin: child.stdin as Writable, end, said }
}
