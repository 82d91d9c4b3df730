import * as http from 'node:http'
import * as https from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { abortedError } from '../../core/abort.ts'
import { ConfigError, codeOf, StoreError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { type Bytes, bufferSource } from '../../core/source.ts'
import { type WebAgent, WebAgents } from '../../core/web/agents.ts'
import type { Route } from '../../core/web/route.ts'
import { connectionError } from './connection-error.ts'

/** Of RFC 9110, and of RFC 4918 (WebDAV). */
export type Method = 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'PROPFIND' | 'MKCOL' | 'MOVE'

/**
 * What a server answered, after redirects. The body is not yet read: it must be, or be dropped. Not
 * by node's `fetch`: that unpacks a body with `Content-Encoding: gzip`, as which some servers send
 * every `.gz` file, and cannot be told not to.
 */
export interface Answer {
  readonly method: Method
  readonly status: number
  readonly response: http.IncomingMessage
  /** The server that answered. */
  readonly host: string
  readonly redirected: boolean
  /** The server sent us to the same path with a slash at its end: that is a directory. */
  readonly isDirectory: boolean
}

export interface HttpRequest {
  readonly op: string
  /** The file's URL, without credentials. */
  readonly url: string
  /** What errors name. Default: the URL. */
  readonly where?: string | undefined
  readonly method: Method
  readonly headers: Readonly<Record<string, string>>
  /**
   * What is sent along, `length` bytes. It is read to its end, unless the server answers before it
   * has all bytes. What it throws is thrown.
   */
  readonly body?: { readonly length: number; readonly bytes: Bytes } | undefined
  /** Instead: a small body, which can be sent again. */
  readonly content?: Buffer | undefined
  readonly signal: AbortSignal
}

/** Only these may be asked of another address: what changes something is for whom we were told. */
const FOLLOWS: ReadonlySet<Method> = new Set(['GET', 'HEAD', 'PROPFIND'])

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 10

/**
 * The rest of an unwanted body is read up to this size, so that the connection can be used again.
 * Bytes.
 */
const MAX_DRAIN_BYTES = 64 * 1024

/** Sends requests over connections that are kept alive, and follows redirects. */
export class HttpClient {
  readonly #origin: string
  readonly #authorization: () => string | undefined
  readonly #agents: WebAgents

  /**
   * What `authorization` gives is sent to `origin` and to nobody else. `git`: its proxies and
   * authorities count. Throws ConfigError for authorities that cannot be read.
   */
  constructor(origin: string, authorization: () => string | undefined, git?: GitConfig | undefined) {
    this.#origin = origin
    this.#authorization = authorization
    this.#agents = new WebAgents({ git, secure: origin.startsWith('https:') })
  }

  /** How a server, by its `host:port`, was asked. Undefined where no proxy is set. */
  routeOf(host: string): Route | undefined {
    return this.#agents.routeOf(host)
  }

  /** Throws `unreachable`, `aborted`, or `unsupported` for a redirect that leads nowhere. */
  async request(request: HttpRequest): Promise<Answer> {
    const { op, url: address, where = address, method, signal } = request
    const wrong = (message: string) => new StoreError({ kind: 'unsupported', op, where, message })
    let url = new URL(address)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#sendOnKept(url, request).catch((error: unknown) => {
        if (error instanceof BodyFailure) throw error.error
        if (error instanceof ConfigError) throw error
        if (signal.aborted) throw abortedError(op, where, signal)
        throw connectionError(op, where, url.host, error, this.routeOf(url.host))
      })
      const { statusCode: status = 0 } = response
      const answer = { method, status, response, host: url.host, redirected: redirects > 0, isDirectory: false }
      if (!REDIRECTS.has(status)) return answer
      await drop(answer)
      const target = redirectTarget(response, url)
      if (!FOLLOWS.has(method))
        throw wrong(`${url.host} sends us to ${target?.host ?? 'no usable address'} (${status})`)
      if (target === undefined) throw wrong(`${url.host} answered ${status} without a usable address to go to`)
      if (target.pathname === `${url.pathname}/`) return { ...answer, isDirectory: true }
      url = target
    }
    throw wrong(`${url.host} redirected us more than ${MAX_REDIRECTS} times`)
  }

  close(): void {
    this.#agents.destroy()
  }

  async #send(url: URL, request: HttpRequest): Promise<http.IncomingMessage> {
    return this.#sendBy(await this.#agents.agentFor(url), url, request)
  }

  /**
   * A server may close a connection that was kept just when it is used again. A request that only
   * looks is sent once more then; of a change nobody knows whether it was made.
   */
  async #sendOnKept(url: URL, request: HttpRequest): Promise<http.IncomingMessage> {
    try {
      return await this.#send(url, request)
    } catch (error) {
      if (!(error instanceof ClosedKept)) throw error
      if (!FOLLOWS.has(request.method) || request.body !== undefined || request.signal.aborted) throw error.error
      return await this.#send(url, request).catch((again: unknown) => {
        throw again instanceof ClosedKept ? again.error : again
      })
    }
  }

  #sendBy(
    { agent, route }: WebAgent,
    url: URL,
    { method, headers, content, signal, ...given }: HttpRequest,
  ): Promise<http.IncomingMessage> {
    const body = given.body ?? (content && { length: content.length, bytes: bufferSource(content).open() })
    const protocol = url.protocol === 'https:' ? https : http
    const authorization = url.origin === this.#origin ? this.#authorization() : undefined
    return new Promise((resolve, reject) => {
      const request = protocol.request({
        ...urlToHttpOptions(url),
        method,
        // Packed bodies would make every length a lie.
        headers: {
          'accept-encoding': 'identity',
          // What a proxy remembers proves nothing of what is there now.
          ...(route?.proxy !== undefined && { 'cache-control': 'no-cache' }),
          ...headers,
          ...(body && { 'content-length': body.length }),
          ...(authorization && { authorization }),
        },
        agent,
      })
      // Not by node's own `signal`, nor with an error: when all bytes of an answer came, and it has
      // not ended yet, node hands that error to a connection to which nobody listens any more.
      const abort = () => void request.destroy()
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      request.once('close', () => signal.removeEventListener('abort', abort))
      request.on('error', (error) => {
        const isClosed = ['ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '')
        reject(request.reusedSocket && isClosed ? new ClosedKept(error) : error)
      })
      if (body === undefined) {
        request.on('response', resolve)
        request.end()
        return
      }
      const sent = sendBody(request, body.bytes, body.length)
      sent.catch((error: unknown) => reject(new BodyFailure(error)))
      request.on('response', (response) => sent.then(() => resolve(response), reject))
    })
  }
}

/** The server closed a connection on which it had answered before, and did not answer on it now. */
class ClosedKept {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/** Carries what a body threw past the place where errors of the connection get their words. */
class BodyFailure {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/**
 * Sends a body, a chunk at a time: the next is asked for when the last is on its way, for then its
 * memory may be used again. Rejects with what the body throws. Resolves too when the request is
 * over before all was sent, of which the request itself tells.
 */
async function sendBody(request: http.ClientRequest, body: Bytes, length: number): Promise<void> {
  const over = new Promise<undefined>((resolve) => {
    for (const event of ['response', 'error', 'close']) request.once(event, () => resolve(undefined))
  })
  const chunks = body[Symbol.asyncIterator]()
  let left = length
  let isWhole = false
  try {
    for (;;) {
      // Who has all bytes answers; that the body has an end there is still to be seen.
      const next = await (left > 0 ? Promise.race([chunks.next(), over]) : chunks.next())
      isWhole = next?.done === true
      if (next === undefined || next.done) break
      left -= next.value.length
      await Promise.race([new Promise<void>((sent) => request.write(next.value, () => sent())), over])
    }
    if (isWhole) request.end()
  } finally {
    // Half a body must never pass for a whole one.
    if (!isWhole) {
      request.destroy()
      Promise.resolve(chunks.return?.()).catch(() => {})
    }
  }
}

/**
 * Where a redirect leads, without the credentials that it may carry; undefined when that is no web
 * address.
 */
function redirectTarget(response: http.IncomingMessage, from: URL): URL | undefined {
  const { location } = response.headers
  if (location === undefined || !URL.canParse(location, from.href)) return undefined
  const target = new URL(location, from)
  if (target.protocol !== 'http:' && target.protocol !== 'https:') return undefined
  target.username = ''
  target.password = ''
  return target
}

/**
 * Gives up the body of an answer, and reads no more of it than is worth a connection. One to HEAD
 * has none: resolves when its connection can be used again.
 */
export async function drop({ method, response }: Answer): Promise<void> {
  response.on('error', () => {})
  if (method === 'HEAD') {
    response.resume()
    if (!response.closed) await new Promise((resolve) => response.once('close', resolve))
    return
  }
  let left = MAX_DRAIN_BYTES
  if (Number(response.headers['content-length'] ?? 0) > left) return void response.destroy()
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) response.destroy() // it did not say its length, or has none
  })
}
