import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Bandwidth } from '../core/bandwidth.ts'
import { messageOf } from '../core/errors.ts'
import { type Failure, failureOf, RETRY_AFTER_S } from './failures.ts'

/** A client that takes nothing for so long is gone. ms. */
const STALL_MS = 60_000

/** A client that takes nothing for so long is slow: nothing is held open for it meanwhile. ms. */
const SLOW_MS = 1_000

/** Why work ends whose client is gone. To make an error for each would take long. */
const GONE = new Error('the client is gone')

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage
  readonly #response: ServerResponse
  readonly #gone = new AbortController()
  /** How fast the client may get what it asked for. */
  bandwidth: Bandwidth | undefined
  /** Bytes of the body that were sent. */
  sentBytes = 0

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.#response = response
    response.on('close', () => this.#gone.abort(GONE))
  }

  /** Aborted when the client is gone, or has got its answer. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  get isHead(): boolean {
    return this.request.method === 'HEAD'
  }

  /** The path that was asked for, as it was sent. */
  get path(): string {
    return (this.request.url ?? '/').split('?')[0] ?? '/'
  }

  get hasBegun(): boolean {
    return this.#response.headersSent
  }

  /** Sends the head of an answer. */
  begin(status: number, headers: Readonly<Record<string, string | number | undefined>>): void {
    const known = Object.entries(headers).filter(([, value]) => value !== undefined)
    this.#response.writeHead(status, Object.fromEntries(known) as Record<string, string | number>)
  }

  /** Sends a part of its body; resolves when more can be taken. Throws when the client is gone. */
  async write(chunk: Uint8Array): Promise<void> {
    if (!(await this.offer(chunk))) await this.taken()
  }

  /**
   * The same, but false when the client is slow to take it. Before more is sent, `taken` is waited
   * for, and whatever others need is let go meanwhile.
   */
  async offer(chunk: Uint8Array): Promise<boolean> {
    this.sentBytes += chunk.length
    if (this.bandwidth?.isLimited) await this.bandwidth.pass(chunk.length, this.signal)
    return this.#response.write(chunk) || this.#drained(SLOW_MS)
  }

  /** Resolves when the client has taken what was sent. Throws when it is gone, or as good as. */
  async taken(): Promise<void> {
    if (await this.#drained(STALL_MS)) return
    this.#response.destroy()
    throw GONE
  }

  #drained(ms: number): Promise<boolean> {
    const response = this.#response
    return new Promise((resolve, reject) => {
      const onDrain = () => settle(() => resolve(true))
      const onClose = () => settle(() => reject(GONE))
      const timer = setTimeout(() => settle(() => resolve(false)), ms)
      const settle = (tell: () => void) => {
        clearTimeout(timer)
        response.off('drain', onDrain).off('close', onClose)
        tell()
      }
      response.once('drain', onDrain).once('close', onClose)
      if (response.destroyed) onClose()
      else if (!response.writableNeedDrain) onDrain()
    })
  }

  end(chunk?: Uint8Array | string): void {
    if (chunk === undefined || this.isHead) return void this.#response.end()
    this.sentBytes += chunk.length
    this.bandwidth?.spend(chunk.length)
    this.#response.end(chunk)
  }

  /** A whole answer that is text. */
  answer(status: number, type: string, text: string, headers: Readonly<Record<string, string | undefined>> = {}): void {
    const bytes = Buffer.from(text)
    this.begin(status, { 'Content-Type': type, 'Content-Length': bytes.length, ...headers })
    this.end(bytes)
  }

  /** An answer that something cannot be had, in one line. */
  refuse({ status, message }: Failure, againS: number = RETRY_AFTER_S): void {
    const more = {
      'Retry-After': status === 503 || status === 429 ? String(againS) : undefined,
      'WWW-Authenticate': status === 401 ? 'Basic realm="riastore", charset="UTF-8"' : undefined,
    }
    this.answer(status, 'text/plain; charset=utf-8', `${message}\n`, { 'Cache-Control': 'no-store', ...more })
  }

  /**
   * Says that something went wrong. Where the answer has begun it is broken off, so that nobody
   * takes the part for the whole. Returns why.
   */
  fail(error: unknown): string {
    if (this.hasBegun) this.#response.destroy()
    else this.refuse(failureOf(error))
    return messageOf(error)
  }
}
