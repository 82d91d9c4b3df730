import type { Readable, Writable } from 'node:stream'
import { abortedError } from '../../core/abort.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import { streamProcess } from '../../core/process/stream.ts'

/**
 * With many small objects git spends most of its time giving memory back to the system and taking
 * it again, when glibc has its defaults: 4 s in place of 0.2 for 5,000 location logs. Other C
 * libraries do not know these.
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '4000000000', MALLOC_TRIM_THRESHOLD_: '4000000000' }

/**
 * One that is asked about the clone, and neither computes nor says anything for so long, hangs. ms.
 */
const STALL_MS = 300_000

/** One that was told to end and does not is killed after this. ms. */
const GRACE_MS = 5_000

export interface StartOptions {
  readonly cwd: string
  readonly signal?: AbortSignal | undefined
  /** On top of our own environment. */
  readonly env?: Readonly<Record<string, string>>
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
  const { cwd, signal, env, stdin = 'ignore', showErrors = false, accepts = [0], stallMs = STALL_MS } = options
  const {
    stdout,
    stdin: input,
    said,
    end,
  } = streamProcess([program, ...args], {
    cwd,
    env: { ...process.env, ...MALLOC, ...env },
    stdin,
    stderr: showErrors ? 'shown' : 'kept',
    signal,
    stallMs,
    graceMs: GRACE_MS,
  })
  const failure = (message: string, cause?: unknown) => {
    if (signal?.aborted) return abortedError(program, cwd, signal)
    const op = [program, ...args.slice(0, 2)].join(' ')
    return new StoreError({ kind: 'unsupported', op, where: cwd, message, cause })
  }
  const finish = async () => {
    const how = await end
    if (how.how === 'exited' && accepts.includes(how.code) && !signal?.aborted) return how.code
    if (how.how === 'not started') throw failure(`it cannot be started: ${messageOf(how.error)}`, how.error)
    if (how.how === 'stopped' && how.why === 'stalled') throw failure(`it did nothing for ${stallMs / 1000} s`)
    const inWords = how.how === 'exited' ? `exit code ${how.code}` : how.how === 'killed' ? how.signal : how.how
    throw failure(said() || `it ended with ${inWords}`)
  }
  const ended = finish()
  ended.catch(() => {}) // whoever reads its output may see the failure first
  return { stdout, stdin: input, ended, said }
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
