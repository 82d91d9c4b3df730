import { resolve } from 'node:path'
import { streamProcess } from '../../core/process/stream.ts'
import { decode, encode } from '../../core/text.ts'
import type { CallOptions } from '../../store/store.ts'

const NEWLINE = 10

/** A git-annex that is asked to end is killed after so long. ms. */
const GRACE_MS = 5_000

/**
 * Where the objects of keys are in a repository of git-annex on this machine, by one git-annex that
 * is asked for all of them: to start one for each takes 60 ms, to ask it 0.1.
 */
export class ContentLocations {
  readonly #top: string
  readonly #stallMs: number
  #asked: AskedProgram | undefined
  #turn: Promise<unknown> = Promise.resolve()

  /** `stallMs`: it is given up when it neither answers nor computes for so long. */
  constructor(top: string, stallMs: number) {
    this.#top = top
    this.#stallMs = stallMs
  }

  /**
   * The object's absolute path; undefined: the repository has not got it. `unknown`: git-annex did
   * not answer, as it does when it cannot read the key; the next one asks another.
   */
  find(key: string, call: CallOptions): Promise<string | undefined | { readonly unknown: true }> {
    const found = this.#turn.then(() => this.#find(key, call))
    this.#turn = found.catch(() => {})
    return found
  }

  async #find(key: string, { signal }: CallOptions) {
    signal?.throwIfAborted()
    if (key.includes('\n')) return { unknown: true } as const
    this.#asked ??= new AskedProgram(['git', 'annex', 'contentlocation', '--batch'], this.#top, this.#stallMs)
    const asked = this.#asked
    const stop = () => asked.stop()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const line = await asked.ask(encode(`${key}\n`))
      signal?.throwIfAborted()
      if (line !== undefined) return line.length === 0 ? undefined : resolve(this.#top, decode(line))
      this.#asked = undefined
      return { unknown: true } as const
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#turn
    await this.#asked?.close()
    this.#asked = undefined
  }
}

/** A program that answers each line with one. */
class AskedProgram {
  readonly #process: ReturnType<typeof streamProcess>
  readonly #stopped = new AbortController()
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(command: readonly string[], cwd: string, stallMs: number) {
    const { signal } = this.#stopped
    this.#process = streamProcess(command, {
      cwd,
      stdin: 'pipe',
      stderr: 'kept',
      signal,
      stallMs,
      graceMs: GRACE_MS,
    })
    this.#chunks = this.#process.stdout[Symbol.asyncIterator]()
  }

  /** Undefined when it has ended without an answer. */
  async ask(line: Uint8Array): Promise<Buffer | undefined> {
    this.#process.stdin.write(line)
    for (;;) {
      const at = this.#rest.indexOf(NEWLINE)
      if (at >= 0) {
        const answer = this.#rest.subarray(0, at)
        this.#rest = this.#rest.subarray(at + 1)
        return answer
      }
      const next = await this.#chunks.next().catch(() => ({ done: true }) as const)
      if (next.done) return undefined
      this.#rest = Buffer.concat([this.#rest, next.value])
    }
  }

  stop(): void {
    this.#stopped.abort()
  }

  async close(): Promise<void> {
    this.#process.stdin.end()
    await this.#process.end
  }
}
