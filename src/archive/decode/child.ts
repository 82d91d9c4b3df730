import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { abortedError } from '../../core/abort.ts'
import { codeOf, messageOf, type StoreError } from '../../core/errors.ts'
import { decodeError } from './errors.ts'
import type { DecodeOptions } from './folder.ts'

const STALL_MS = 120_000
/** So much of what the program says is kept. Characters. */
const MAX_WORDS = 4096

/** How a program ended: its exit code or the signal that ended it, and what it wrote to stderr. */
export interface Ending {
  readonly result: number | NodeJS.Signals
  readonly said: string
  /** How much it printed, in bytes. */
  readonly length: number
}

/**
 * Runs a program that reads `fd` as its fourth descriptor, and gives what it prints; returns how it
 * ended. Its stdin is closed, its stderr is ours. It is killed when the consumer stops, when the
 * signal aborts, and when it is silent too long while we wait for it. Throws StoreError.
 */
export async function* outputOfChild(
  program: string,
  args: readonly string[],
  fd: number,
  options: DecodeOptions,
): AsyncGenerator<Uint8Array, Ending, void> {
  const child = start(program, args, fd, options)
  const ended = endOf(child)
  const watch = new ChildWatch(child, options)
  try {
    // Without descriptors to spare there are no pipes.
    const { stdout, stderr } = child as { stdout: Readable | undefined; stderr: Readable | undefined }
    const words = stderr === undefined ? () => '' : collectWords(stderr)
    const length = stdout === undefined ? 0 : yield* printed(stdout, watch)
    const result = await watch.wait(ended)
    if (result instanceof Error) throw notStarted(program, result, options)
    return { result, said: words(), length }
  } finally {
    watch.end()
    child.stdout?.destroy()
    child.stderr?.destroy()
    child.kill('SIGKILL')
  }
}

function start(program: string, args: readonly string[], fd: number, options: DecodeOptions): ChildProcess {
  try {
    return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', fd] })
  } catch (error) {
    throw notStarted(program, error, options)
  }
}

/** What passes by itself. */
const OUT_OF_RESOURCES = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])

function notStarted(program: string, error: unknown, options: DecodeOptions): StoreError {
  const kind = OUT_OF_RESOURCES.has(codeOf(error) ?? '') ? 'transient' : 'unsupported'
  return decodeError(kind, options, `${program} cannot be run: ${messageOf(error)}`, error)
}

async function* printed(stdout: Readable, watch: ChildWatch): AsyncGenerator<Uint8Array, number, void> {
  let length = 0
  const chunks: AsyncIterator<Uint8Array> = stdout[Symbol.asyncIterator]()
  for (;;) {
    const next = await watch.wait(chunks.next())
    if (next.done) return length
    length += next.value.length
    yield next.value
  }
}

function collectWords(stderr: Readable): () => string {
  let said = ''
  stderr.on('data', (chunk: Buffer) => {
    if (said.length < MAX_WORDS) said += chunk.toString()
  })
  stderr.on('error', () => {})
  return () => said
}

/** Resolves with the exit code, the signal, or why it could not be started. */
function endOf(child: ChildProcess): Promise<number | NodeJS.Signals | Error> {
  return new Promise((resolve) => {
    child.on('error', resolve)
    child.on('close', (code, signal) => resolve(code ?? signal ?? new Error('it ended')))
  })
}

/** Waiting for a child, with an end. */
class ChildWatch {
  readonly #child: ChildProcess
  readonly #options: DecodeOptions
  #failure: StoreError | undefined
  #fail: (error: StoreError) => void = () => {}
  readonly #onAbort: () => void

  constructor(child: ChildProcess, options: DecodeOptions) {
    const { where, signal } = options
    this.#child = child
    this.#options = options
    this.#onAbort = () => signal && this.#stop(abortedError('get', where, signal))
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted) this.#onAbort()
  }

  async wait<T>(promise: Promise<T>): Promise<T> {
    const { stallMs = STALL_MS } = this.#options
    const timer = setTimeout(() => {
      const message = `the 7-Zip program was silent for ${stallMs / 1000} s`
      this.#stop(decodeError('transient', this.#options, message))
    }, stallMs)
    try {
      return await this.#unlessFailed(promise)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Each wait has a failure of its own: a race against a promise that stays pending would keep all
   * that was ever waited for, chunk by chunk.
   */
  #unlessFailed<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure)
      else this.#fail = reject
      promise.then(resolve, reject) // it may fail when nobody looks any more
    })
  }

  end(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }

  #stop(error: StoreError): void {
    this.#failure ??= error
    this.#fail(error)
    this.#child.kill('SIGKILL')
  }
}
