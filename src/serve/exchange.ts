import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { messageOf } from '../core/errors.ts'
import { type Failure, failureOf, RETRY_AFTER_S } from './failures.ts'

/** A client that takes nothing for so long is gone. ms. */
const STALL_MS = 60_000

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage
  readonly #response: ServerResponse
  readonly #gone = new AbortController()

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.#response = response
    response.on('close', () => this.#gone.abort())
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
    if (this.#response.write(chunk)) return
    const stall = AbortSignal.timeout(STALL_MS)
    try {
      await once(this.#response, 'drain', { signal: AbortSignal.any([stall, this.signal]) })
    } catch (error) {
      this.#response.destroy()
      throw error
    }
  }

  end(chunk?: Uint8Array | string): void {
    if (chunk === undefined || this.isHead) this.#response.end()
    else this.#response.end(chunk)
  }

  /** A whole answer that is text. */
  answer(status: number, type: string, text: string, headers: Readonly<Record<string, string | undefined>> = {}): void {
    const bytes = Buffer.from(text)
    this.begin(status, { 'Content-Type': type, 'Content-Length': bytes.length, ...headers })
    this.end(bytes)
  }

  /** An answer that something cannot be had, in one line. */
  refuse({ status, message }: Failure): void {
    const again = status === 503 ? { 'Retry-After': String(RETRY_AFTER_S) } : {}
    this.answer(status, 'text/plain; charset=utf-8', `${message}\n`, { 'Cache-Control': 'no-store', ...again })
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
