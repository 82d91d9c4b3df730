import type { Readable } from 'node:stream'

/** What a body asks of the connection that it comes by. */
export interface BodyOrigin {
  pause(): void
  resume(): void
  /** Nobody wants the rest. */
  drop(): void
}

/** So much may wait for its reader. Bytes. */
const MAX_WAITING_BYTES = 256 * 1024

/**
 * The body of an answer, read once, as far as readers of node's streams need one: a stream costs
 * more than all the rest of a small answer.
 */
export class AnswerBody implements AsyncIterable<Buffer> {
  /** Bytes that have not come yet. */
  left: number
  readonly #origin: BodyOrigin
  readonly #chunks: Buffer[] = []
  #waitingBytes = 0
  #isPaused = false
  #error: Error | undefined
  #isRead = false
  #wake: (() => void) | undefined

  constructor(length: number, origin: BodyOrigin) {
    this.left = length
    this.#origin = origin
  }

  /** All of it was read. */
  get readableEnded(): boolean {
    return this.#isRead
  }

  /** As streams have it. What goes wrong is told to whoever reads; nobody else is told. */
  on(_event: 'error', _listener: (error: Error) => void): this {
    return this
  }

  /** Gives up what was not read. */
  destroy(): void {
    if (this.left > 0) this.#origin.drop()
  }

  /** By the connection: the next bytes. */
  add(chunk: Buffer): void {
    this.left -= chunk.length
    this.#chunks.push(chunk)
    this.#waitingBytes += chunk.length
    if (this.left > 0 && this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#isPaused = true
      this.#origin.pause()
    }
    this.#wake?.()
  }

  /** By the connection: all came, which `left` says, too. */
  end(): void {}

  /** By the connection: no more will come. */
  fail(error: Error): void {
    this.#error = error
    this.#wake?.()
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    return {
      next: async () => {
        for (;;) {
          const value = this.#chunks.shift()
          if (value !== undefined) {
            this.#took(value.length)
            return { done: false, value }
          }
          if (this.left === 0) {
            this.#isRead = true
            return { done: true, value: undefined }
          }
          if (this.#error !== undefined) throw this.#error
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      },
      return: async () => {
        this.destroy()
        return { done: true, value: undefined }
      },
    }
  }

  #took(bytes: number): void {
    this.#waitingBytes -= bytes
    if (!this.#isPaused || this.#waitingBytes >= MAX_WAITING_BYTES / 2) return
    this.#isPaused = false
    this.#origin.resume()
  }
}

/** A body, by whichever client it comes. */
export type Body = AnswerBody | Readable
