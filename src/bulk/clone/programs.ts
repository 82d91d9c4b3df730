import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { abortedError } from '../../core/abort.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import { watchStall } from '../../core/process/stall.ts'

/**
 * With many small objects git spends most of its time giving memory back to the system and taking
 * it again, when glibc has its defaults: 4 s in place of 0.2 for 5,000 location logs. Other C
 * libraries do not know these.
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '4000000000', MALLOC_TRIM_THRESHOLD_: '4000000000' }

/** What is kept of a program's stderr, for the message when it fails. Bytes. */
const STDERR_BYTES = 16 * 1024

/**
 * One that is asked about the clone, and neither computes nor says anything for so long, hangs. ms.
 */
const STALL_MS = 300_000

/** One that was told to end and does not is killed after this. ms. */
const GRACE_MS = 5_000

export interface StartOptions {
  readonly cwd: string
  readonly signal?: AbortSignal | undefined
  /** What it reads: nothing, what is written to `stdin`, or an open file. */
  readonly stdin?: 'ignore' | 'pipe' | number
  /** Its stderr goes where ours goes. */
  readonly showErrors?: boolean
  /** Exit codes that are no failure. Default: 0. */
  readonly accepts?: readonly number[]
  /**
   * It is ended when neither it nor what it started computes, or says an error, for so long.
   * `Infinity` for one that waits for others. Default: 5 minutes. ms.
   */
  readonly stallMs?: number
}

/** A program that runs. */
export interface Started {
  readonly stdout: Readable
  readonly stdin: Writable
  /**
   * Resolves with the exit code. Rejects with StoreError `unsupported` when that is a failure,
   * `aborted` after the signal.
   */
  readonly ended: Promise<number>
  /** What it said on stderr so far, unless that goes where ours goes. */
  readonly said: () => string
}

/** Starts git or git-annex. It is ended when the signal aborts. */
export function startProgram(program: string, args: readonly string[], options: StartOptions): Started {
  const { cwd, signal, stdin = 'ignore', showErrors = false, accepts = [0], stallMs = STALL_MS } = options
  const child: ChildProcess = spawn(program, args, {
    cwd,
    env: { ...process.env, ...MALLOC },
    stdio: [stdin, 'pipe', showErrors ? 'inherit' : 'pipe'],
  })
  let killing: NodeJS.Timeout | undefined
  const stop = () => {
    child.kill('SIGTERM')
    killing ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref()
  }
  let stalled = false
  const watch = watchStall(child.pid, stallMs, true, () => {
    stalled = true
    stop()
  })
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  const errors: Buffer[] = []
  let kept = 0
  const said = () => Buffer.concat(errors).toString().trim()
  child.stderr?.on('data', (chunk: Buffer) => {
    watch.moved()
    if (kept < STDERR_BYTES) errors.push(chunk)
    kept += chunk.length
  })
  const failure = (message: string, cause?: unknown) => {
    if (signal?.aborted) return abortedError(program, cwd, signal)
    const op = [program, ...args.slice(0, 2)].join(' ')
    return new StoreError({ kind: 'unsupported', op, where: cwd, message, cause })
  }
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => {
      if (child.pid === undefined) watch.end()
      reject(failure(`it cannot be started: ${messageOf(error)}`, error))
    })
    child.on('close', (code, killedBy) => {
      signal?.removeEventListener('abort', stop)
      watch.end()
      clearTimeout(killing)
      if (stalled) return reject(failure(`it did nothing for ${stallMs / 1000} s`))
      if (code !== null && accepts.includes(code) && !signal?.aborted) return resolve(code)
      reject(failure(said() || `it ended with ${killedBy ?? `exit code ${code}`}`))
    })
  })
  ended.catch(() => {}) // whoever reads its output may see the failure first
  child.stdin?.on('error', () => {}) // it ended: `ended` says why
  return { stdout: child.stdout as Readable, stdin: child.stdin as Writable, ended, said }
}

/** Runs a program and returns what it printed, at most a few megabytes. */
export async function outputOf(program: string, args: readonly string[], options: StartOptions): Promise<Buffer> {
  const started = startProgram(program, args, options)
  const chunks: Buffer[] = []
  for await (const chunk of started.stdout) chunks.push(chunk as Buffer)
  await started.ended
  return Buffer.concat(chunks)
}

/** Writes to a program, and waits while it does not read. */
export async function feed(stdin: Writable, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  for await (const chunk of chunks) {
    if (stdin.destroyed) return
    if (!stdin.write(chunk)) await drained(stdin)
  }
  stdin.end()
}

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      stdin.off('drain', go)
      stdin.off('close', go)
      resolve()
    }
    stdin.on('drain', go)
    stdin.on('close', go)
  })
}

/**
 * Splits what a program prints at a separator byte. What follows the last one, if anything, comes
 * too.
 */
export async function* splitAt(stream: Readable, separator: number): AsyncGenerator<Buffer, void, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    let start = 0
    for (let end = bytes.indexOf(separator); end >= 0; end = bytes.indexOf(separator, start)) {
      yield bytes.subarray(start, end)
      start = end + 1
    }
    rest = bytes.subarray(start)
  }
  if (rest.length > 0) yield rest
}
