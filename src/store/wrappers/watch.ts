import { StoreError } from '../../core/errors.ts'
import type { Source } from '../../core/source.ts'
import type { CallOptions, Consumer } from '../store.ts'

/**
 * Controllers of calls that are over and were not aborted, to be used again: making one costs more
 * than many a call.
 */
const idle: AbortController[] = []

/** Parts of the limit after which is looked whether we ran at all. */
const PARTS = 10

/**
 * The clock of one call. It runs while the backend has the turn and stands while our own code (a
 * consumer, a source, the reader of a list) has it, and while our process is stopped or its machine
 * sleeps. There is one timer, which looks at the time of the last activity when it fires.
 */
export class Watch {
  readonly #op: string
  readonly #where: string
  readonly #stallMs: number
  readonly #outer: CallOptions | undefined
  readonly #inner: AbortController
  #lastActivity = 0
  /** When the timer should fire. */
  #due = 0
  /** What the backend says of the steps that it waits for: so long each may take in silence. ms. */
  readonly #silences: number[] = []
  /** How many pieces of our own code are at work. */
  #ours = 0
  #timer: NodeJS.Timeout | undefined
  #over = false
  #released = false
  #stall: StoreError | undefined
  /** Rejects what waits for the backend: the call, and the read of a consumer. */
  readonly #waiting = new Set<(error: StoreError) => void>()
  #consuming: Promise<void> | undefined

  constructor(op: string, where: string, stallMs: number, outer: CallOptions | undefined) {
    this.#op = op
    this.#where = where
    this.#stallMs = stallMs
    this.#outer = outer
    this.#inner = idle.pop() ?? new AbortController()
    const signal = outer?.signal
    if (signal?.aborted) this.#inner.abort(signal.reason)
    else signal?.addEventListener('abort', this.#follow)
    this.#touch()
  }

  /** The caller's options with our signal and our ear for progress and for silence in them. */
  options<O extends CallOptions>(options: O | undefined): O & CallOptions {
    const onProgress = (bytes: number) => {
      this.#touch()
      options?.onProgress?.(bytes)
    }
    return { ...(options as O), signal: this.#inner.signal, onProgress, onSilence: this.#onSilence }
  }

  readonly #onSilence = (ms: number) => {
    this.#silences.push(ms)
    this.#touch()
    return () => {
      this.#silences.splice(this.#silences.indexOf(ms), 1)
      clearTimeout(this.#timer) // it may have been set for much later
      this.#timer = undefined
      this.#touch()
    }
  }

  /** What may pass without progress now. ms. */
  get #limitMs(): number {
    return Math.max(this.#stallMs, ...this.#silences)
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#orStalled(work)
    } catch (error) {
      // A consumer whose read was just rejected still tidies up: nobody may start another beside
      // it.
      if (this.#stall !== undefined) await this.#consuming?.catch(() => {})
      throw error
    } finally {
      this.#end()
    }
  }

  /**
   * For a list: a reader that never comes back costs nothing, the timer runs while the backend
   * works only.
   */
  iterate<T>(open: () => AsyncIterable<T>): AsyncIterator<T, undefined> {
    this.#ours += 1
    let inner: AsyncIterator<T, undefined> | undefined
    return {
      next: async () => {
        try {
          const entries = inner ?? open()[Symbol.asyncIterator]()
          inner = entries
          const step = await this.#backendsTurn(() => entries.next())
          if (step.done) this.#end()
          return step
        } catch (error) {
          this.#end()
          throw error
        }
      },
      return: async () => {
        try {
          await this.#backendsTurn(async () => inner?.return?.())
        } finally {
          this.#end()
        }
        return { done: true, value: undefined }
      },
    }
  }

  consumer(consume: Consumer): Consumer {
    return (bytes, stat) => {
      if (this.#stall !== undefined) return Promise.reject(this.#stall)
      const watched = {
        [Symbol.asyncIterator]: () => {
          const chunks = bytes[Symbol.asyncIterator]()
          return {
            next: () => this.#backendsTurn(() => chunks.next()),
            return: async () => {
              await this.#backendsTurn(async () => chunks.return?.())
              return { done: true as const, value: undefined }
            },
          }
        },
      }
      this.#consuming = this.#ourTurn(() => consume(watched, stat))
      return this.#consuming
    }
  }

  source(source: Source): Source {
    const open = (signal?: AbortSignal) => {
      const chunks = source.open(signal)[Symbol.asyncIterator]()
      return {
        [Symbol.asyncIterator]: () => ({
          // A backend that went on after it stalled must not read what is perhaps being sent anew.
          next: () => (this.#stall ? Promise.reject(this.#stall) : this.#ourTurn(() => chunks.next())),
          return: async () => {
            await this.#ourTurn(async () => chunks.return?.())
            return { done: true as const, value: undefined }
          },
        }),
      }
    }
    return { size: source.size, open }
  }

  async #ourTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#ours += 1
    try {
      return await work()
    } finally {
      this.#ours -= 1
      this.#touch()
    }
  }

  async #backendsTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#ours -= 1
    this.#touch()
    try {
      return await this.#orStalled(work)
    } finally {
      this.#ours += 1
    }
  }

  #orStalled<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#stall !== undefined) return reject(this.#stall)
      this.#waiting.add(reject)
      const done = () => this.#waiting.delete(reject)
      work().then(
        (value) => {
          done()
          resolve(value)
        },
        (error) => {
          done()
          reject(error)
        },
      )
    })
  }

  readonly #follow = () => this.#inner.abort(this.#outer?.signal?.reason)

  #touch(): void {
    this.#lastActivity = performance.now()
    if (this.#timer === undefined && this.#ours === 0 && !this.#over) this.#arm(this.#limitMs)
  }

  #arm(ms: number): void {
    const part = Math.ceil(Math.min(ms, this.#limitMs / PARTS))
    this.#due = performance.now() + part
    this.#timer = setTimeout(this.#look, part)
    this.#timer.unref()
  }

  readonly #look = () => {
    this.#timer = undefined
    if (this.#ours > 0) return // the next touch arms it again
    const limitMs = this.#limitMs
    const late = performance.now() - this.#due
    // We did not run, so no answer could come to us.
    if (late > limitMs / PARTS) this.#lastActivity += late
    const left = this.#lastActivity + limitMs - performance.now()
    if (left > 0) return this.#arm(left)
    const message = `no progress for ${limitMs / 1000} s`
    const stall = new StoreError({ kind: 'unreachable', op: this.#op, where: this.#where, message, stalled: true })
    this.#stall = stall
    this.#inner.abort(stall)
    for (const reject of this.#waiting) reject(stall)
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#outer?.signal?.removeEventListener('abort', this.#follow)
    if (!this.#released && !this.#inner.signal.aborted) idle.push(this.#inner)
    this.#released = true
  }
}
