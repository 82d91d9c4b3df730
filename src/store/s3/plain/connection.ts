import type { Socket } from 'node:net'
import { AnswerBody, type BodyOrigin } from './answer-body.ts'
import { type AnswerHead, parseHead } from './answer-head.ts'

/** An answer that begins. */
export interface RawAnswer extends AnswerHead {
  readonly body: AnswerBody
}

/** No head of an answer is longer. Bytes. */
const MAX_HEAD_BYTES = 64 * 1024

/** A request as it goes out. */
export interface RawRequest {
  /** With the empty line at its end. */
  readonly head: string
  readonly content: Uint8Array | undefined
  /** Its answer has no body, whatever it says of one. */
  readonly isHead: boolean
  /** Ends the connection, until the answer came to its end. */
  readonly signal: AbortSignal
}

/** What gets the body of an answer. */
export interface BodyReceiver {
  /** Bytes that have not come yet. */
  readonly left: number
  add(chunk: Buffer): void
  /** All came, and the connection can be used again. */
  end(): void
  /** No more will come. */
  fail(error: Error): void
}

/** What waits for an answer. Just one of its methods is called, once. */
export interface AnswerReceiver {
  /** Its answer has no body, whatever it says of one. */
  readonly isHead: boolean
  /** Returns what gets the body, which has `length` bytes. */
  begin(head: AnswerHead, length: number, origin: BodyOrigin): BodyReceiver
  /** There is no answer, or none that is understood. */
  fail(error: Error): void
}

/**
 * A connection to a server, for one request after the other. It knows of HTTP/1.1 what S3 servers
 * say of single objects (RFC 9112): the length of each body is told in front. It fails with
 * NotUnderstood for whatever else comes, and is of no more use then.
 */
export class Connection {
  readonly #socket: Socket
  readonly #onFree: (connection: Connection) => void
  #waiting: AnswerReceiver | undefined
  #head: Buffer | undefined
  #body: BodyReceiver | undefined
  #signal: AbortSignal | undefined
  #isKept = true
  readonly #origin: BodyOrigin = {
    pause: () => this.#socket.pause(),
    resume: () => this.#socket.resume(),
    drop: () => this.#giveUp(),
  }

  /** `onFree`: the answer came to its end, and another request can be sent. */
  constructor(socket: Socket, onFree: (connection: Connection) => void) {
    this.#socket = socket
    this.#onFree = onFree
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new NotUnderstood('the connection was closed')))
    socket.on('end', () => this.#fail(new NotUnderstood('the server closed the connection')))
  }

  get isOpen(): boolean {
    return this.#isKept && !this.#socket.destroyed
  }

  /** Sends a request, and resolves when the head of its answer came. */
  send({ head, content, isHead, signal }: RawRequest): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      if (this.isOpen) {
        this.#signal = signal
        signal.addEventListener('abort', this.#giveUp)
      }
      const begin = (head: AnswerHead, length: number, origin: BodyOrigin) => {
        const body = new AnswerBody(length, origin)
        resolve({ ...head, body })
        return body
      }
      this.ask(head, content, { isHead, begin, fail: reject })
    })
  }

  /** Sends a request, as `send` does. */
  ask(head: string, content: Uint8Array | undefined, receiver: AnswerReceiver): void {
    if (!this.isOpen) {
      receiver.fail(new NotUnderstood('the connection was closed'))
      return
    }
    this.#waiting = receiver
    const socket = this.#socket
    socket.ref()
    if (content === undefined || content.length === 0) {
      socket.write(head, 'latin1')
      return
    }
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(content)
    socket.uncork()
  }

  /** Ends it, and whatever goes on over it. */
  destroy(): void {
    this.#giveUp()
  }

  readonly #giveUp = () => this.#fail(new Error('the call was given up'))

  #take(chunk: Buffer): void {
    if (this.#body !== undefined) this.#takeBody(chunk)
    else if (this.#waiting !== undefined) this.#takeHead(this.#waiting, chunk)
    else this.#fail(new NotUnderstood('the server said something that nobody had asked for'))
  }

  #takeHead(waiting: AnswerReceiver, chunk: Buffer): void {
    const seen = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk])
    const end = seen.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#head = seen
      if (seen.length > MAX_HEAD_BYTES) this.#fail(new NotUnderstood('the head of the answer is too long'))
      return
    }
    this.#head = undefined
    const rest = seen.subarray(end + 4)
    const head = parseHead(seen.toString('latin1', 0, end))
    const length = head && lengthOf(head, waiting.isHead)
    if (head === undefined || length === undefined) {
      const why = 'the answer is of another kind'
      this.#fail(head !== undefined && head.status >= 400 ? new NotUnderstood(why) : new OtherKind(why))
      return
    }
    this.#waiting = undefined
    if (/close/i.test(head.headers.connection ?? '')) this.#isKept = false
    const body = waiting.begin(head, length, this.#origin)
    if (this.#socket.destroyed) return // nobody wants it
    if (length === 0) this.#end(rest.length, body)
    else {
      this.#body = body
      if (rest.length > 0) this.#takeBody(rest)
    }
  }

  #takeBody(chunk: Buffer): void {
    const body = this.#body
    if (body === undefined) return
    const own = chunk.length > body.left ? chunk.subarray(0, body.left) : chunk
    body.add(own)
    if (body.left > 0) return
    this.#body = undefined
    this.#end(chunk.length - own.length, body)
  }

  /** `surplus`: bytes after the end of the answer. */
  #end(surplus: number, body: BodyReceiver): void {
    this.#forgetSignal()
    if (surplus > 0 || !this.#isKept) {
      this.#isKept = false
      this.#socket.destroy()
    } else {
      this.#socket.unref()
      this.#onFree(this)
    }
    body.end()
  }

  #forgetSignal(): void {
    this.#signal?.removeEventListener('abort', this.#giveUp)
    this.#signal = undefined
  }

  #fail(error: Error): void {
    this.#isKept = false
    this.#forgetSignal()
    this.#socket.destroy()
    const [waiting, body] = [this.#waiting, this.#body]
    this.#waiting = undefined
    this.#body = undefined
    waiting?.fail(error)
    body?.fail(error)
  }
}

/** The answer is not one that a Connection reads, or none came. */
export class NotUnderstood extends Error {}

/** It is no refusal either, of which some servers tell in a way of their own: so are all others. */
export class OtherKind extends NotUnderstood {}

/** How long the body is. Undefined: the head does not say it in the one way that is taken. */
function lengthOf({ status, headers }: AnswerHead, isHead: boolean): number | undefined {
  if (status < 200) return undefined
  if (isHead || status === 204 || status === 304) return 0
  const { 'content-length': length, 'transfer-encoding': coding } = headers
  if (coding !== undefined || length === undefined || !/^\d{1,15}$/.test(length)) return undefined
  return Number(length)
}
