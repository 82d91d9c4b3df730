import * as http from 'node:http'
import * as https from 'node:https'
import type { S3Client } from '@aws-sdk/client-s3'
import type { WebAgent } from '../../../core/web/agents.ts'
import { packingOf } from '../../common/http-packed.ts'
import type { GetSmallOptions, SmallFile } from '../../store.ts'
import { collectAnswer, expectAnswer } from '../answers.ts'
import { Refused } from '../errors.ts'
import { guardToken } from '../token-guard.ts'
import type { Body } from './answer-body.ts'
import type { AnswerHead } from './answer-head.ts'
import { NotUnderstood, OtherKind } from './connection.ts'
import { Connections } from './connections.ts'
import type { PlainRequest } from './request.ts'
import { Signer } from './sign.ts'
import { SmallReads } from './small-reads.ts'

export interface PlainClientOptions {
  readonly endpoint: URL
  readonly to: WebAgent
  /** It gives the credentials, the region and the clock. */
  readonly client: S3Client
  readonly anonymous: boolean
}

export interface SendOptions {
  /** Ends the request, and the content of its answer. */
  readonly signal: AbortSignal
  /** Called last of all before it is sent; what it throws is thrown. */
  readonly mayChange: (() => void) | undefined
}

/** What the SDK makes of an answer, as far as we read it. */
interface Answer {
  readonly $metadata: { readonly httpStatusCode: number; readonly requestId: string | undefined }
  readonly ETag: string | undefined
  readonly LastModified: Date | undefined
  readonly ContentLength: number | undefined
  readonly ContentRange: string | undefined
  readonly ContentEncoding: string | undefined
  readonly StorageClass: string | undefined
  readonly ArchiveStatus: string | undefined
  readonly Restore: string | undefined
  /** Of a GET. */
  readonly Body: Body | undefined
}

/** An answer that begins, however it came. */
interface Begun {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
}

/** A request without its path. */
interface PreparedRequest {
  /** All but the authorization. */
  readonly headers: Record<string, string>
  /** Undefined where requests are not signed. */
  readonly authorizationOf: ((path: string) => string) | undefined
}

/** A clock that is further from the server's is not believed: servers refuse 15 minutes. ms. */
const MAX_SKEW_MS = 4 * 60_000

/** What may stand in a header as it is. */
const PRINTABLE = /^[\t\x20-\x7e]*$/

/**
 * Sends the requests that most keys come and go with over connections of its own, and what cannot
 * go that way by node's client. The SDK's way from a command to a request, and from an answer back,
 * takes several times as much processor time as all the rest of a small request; node's client,
 * twice as much.
 */
export class PlainClient {
  readonly #options: PlainClientOptions
  readonly #signer = new Signer()
  readonly #to: { readonly protocol: string; readonly hostname: string; readonly port?: number }
  readonly #connections: Connections | undefined
  /** Nothing came yet that our connections do not read: what they cannot is sent twice. */
  #isUnderstood = true

  constructor(options: PlainClientOptions) {
    this.#options = options
    const { protocol, hostname, port } = options.endpoint
    this.#to = { protocol, hostname, ...(port !== '' && { port: Number(port) }) }
    this.#connections = Connections.to(options.endpoint, options.to)
  }

  /** Ends its connections. */
  close(): void {
    this.#connections?.close()
  }

  /** Throws Refused for what the server refuses; else what the credentials and node throw. */
  async send(request: PlainRequest, { signal, mayChange }: SendOptions): Promise<Answer> {
    const { method, path, content } = request
    const headers = await this.#headersFor(request)
    signal.throwIfAborted()
    mayChange?.()
    const answer =
      (await this.#sendBriefly({ method, path, headers }, content, signal, mayChange)) ??
      begun(await this.#exchange({ method, path, headers }, content, signal))
    this.#noteClock(answer)
    return read(method, answer)
  }

  /**
   * Reads small objects as Store has it, by their paths as `PlainRequest` has them. Throws what the
   * credentials throw.
   */
  async getSmall(
    files: readonly SmallFile[],
    { signal, ...options }: GetSmallOptions & { readonly signal: AbortSignal },
  ): Promise<void> {
    const connections = this.#connections
    if (!this.#isUnderstood || connections === undefined) return
    // Signed at the same moment: all are sent within minutes, or refused and asked for once more.
    const { headers, authorizationOf } = await this.#prepare({ method: 'GET', headers: {}, content: undefined })
    const lines = linesOf(headers)
    if (lines === undefined) return
    const headOf = (path: string) => {
      const authorization = authorizationOf === undefined ? '' : `authorization: ${authorizationOf(path)}\r\n`
      return `GET ${path} HTTP/1.1\r\n${lines}${authorization}\r\n`
    }
    const isWhole = ({ status, headers }: AnswerHead) =>
      status === 200 && packingOf(headers['content-encoding']) === undefined
    const onFailure = (error: Error) => {
      if (error instanceof OtherKind) this.#isUnderstood = false
    }
    const connect = () => connections.take()
    await new SmallReads(files, { ...options, signal, connect, headOf, isWhole, onFailure }).run()
  }

  /** With its signature, and what is not signed. */
  async #headersFor(request: PlainRequest): Promise<Record<string, string>> {
    const { headers, authorizationOf } = await this.#prepare(request)
    if (authorizationOf !== undefined) headers.authorization = authorizationOf(request.path)
    return headers
  }

  /** All but the authorization, and what that is for a path. Throws `denied` as `guardToken`. */
  async #prepare(request: Omit<PlainRequest, 'path'>): Promise<PreparedRequest> {
    const { method } = request
    const prepared = await this.#sign(request)
    const { headers } = prepared
    // Not signed: what stands between may change it. Packed content would make every length a lie.
    headers['accept-encoding'] = 'identity'
    // What a proxy remembers proves nothing. Of a PUT it would be kept with the object.
    if (method === 'GET' || method === 'HEAD') headers['cache-control'] = 'no-cache'
    await guardToken({ ...this.#to, headers })
    return prepared
  }

  async #sign({ method, headers: given, content }: Omit<PlainRequest, 'path'>): Promise<PreparedRequest> {
    const headers = { ...given, host: this.#options.endpoint.host, 'user-agent': 'riastore' }
    if (this.#options.anonymous) return { headers, authorizationOf: undefined }
    const { config } = this.#options.client
    const [region, credentials] = await Promise.all([config.region(), config.credentials()])
    const date = new Date(Date.now() + config.systemClockOffset)
    return this.#signer.prepare({ method, headers, content }, region, credentials, date)
  }

  /** By a connection of our own. Undefined: it has to be sent, or sent again, in the other way. */
  async #sendBriefly(
    {
      method,
      path,
      headers,
    }: { readonly method: string; readonly path: string; readonly headers: Record<string, string> },
    content: Uint8Array | undefined,
    signal: AbortSignal,
    mayChange: (() => void) | undefined,
  ): Promise<Begun | undefined> {
    if (!this.#isUnderstood || this.#connections === undefined) return undefined
    // What depends on there being nothing cannot be sent again: its own first try would be there.
    if (headers['if-none-match'] !== undefined) return undefined
    const lines = linesOf(headers)
    if (lines === undefined) return undefined
    const head = `${method} ${path} HTTP/1.1\r\n${lines}\r\n`
    try {
      return await this.#connections.send({ head, content, isHead: method === 'HEAD', signal })
    } catch (error) {
      if (!(error instanceof NotUnderstood) || signal.aborted) throw error
      if (error instanceof OtherKind) this.#isUnderstood = false
      mayChange?.()
      return undefined
    }
  }

  #exchange(
    options: http.RequestOptions,
    content: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { protocol, hostname, port } = this.#to
    const { request } = protocol === 'https:' ? https : http
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    return new Promise((resolve, reject) => {
      const sent = request({ ...options, host, port, agent: this.#options.to.agent }, (answer) => {
        answer.on('error', () => {}) // whoever reads it is told; nobody may read it yet
        resolve(answer)
      })
      const stop = () => sent.destroy(new Error('the call was given up'))
      signal.addEventListener('abort', stop, { once: true })
      sent.on('error', reject)
      sent.on('close', () => signal.removeEventListener('abort', stop))
      sent.end(content)
    })
  }

  /** The SDK's own requests are signed by the same clock. */
  #noteClock({ headers }: Begun): void {
    const { config } = this.#options.client
    const now = Date.now()
    const server = Date.parse(headers.date ?? '')
    if (Math.abs(server - now - config.systemClockOffset) >= MAX_SKEW_MS) config.systemClockOffset = server - now
  }
}

/** Undefined for what node's client may refuse to send. */
function linesOf(headers: Readonly<Record<string, string>>): string | undefined {
  let lines = ''
  for (const [name, value] of Object.entries(headers)) {
    if (!PRINTABLE.test(value)) return undefined
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

function begun(answer: http.IncomingMessage): Begun {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) headers[name] = String(value)
  return { status: answer.statusCode ?? 0, headers, body: answer }
}

async function read(method: string, { status, headers, body: coming }: Begun): Promise<Answer> {
  const isGood = status >= 200 && status < 300
  if (isGood && method === 'GET') return answerOf(status, headers, coming)
  expectAnswer(coming, packingOf(headers['content-encoding']), undefined)
  const body = await collectAnswer(coming)
  if (isGood && !isError(body)) return answerOf(status, headers, undefined)
  // A parser, which most runs have no use for.
  const { readErrorAnswer } = await import('./error-answer.ts')
  const words = readErrorAnswer(body)
  // An error may come after a good beginning: the server had to say something before it knew.
  throw new Refused({ status: isGood ? 503 : status, headers, ...words })
}

function isError(body: Uint8Array): boolean {
  return Buffer.from(body.subarray(-16)).toString('latin1').endsWith('</Error>')
}

function answerOf(httpStatusCode: number, headers: Readonly<Record<string, string>>, Body: Body | undefined): Answer {
  const of = (name: string) => headers[name]
  const length = of('content-length')
  const modified = of('last-modified')
  return {
    $metadata: { httpStatusCode, requestId: of('x-amzn-requestid') ?? of('x-amz-request-id') },
    ETag: headers.etag,
    LastModified: modified === undefined ? undefined : new Date(modified),
    ContentLength: length === undefined ? undefined : Number(length),
    ContentRange: of('content-range'),
    ContentEncoding: of('content-encoding'),
    StorageClass: of('x-amz-storage-class'),
    ArchiveStatus: of('x-amz-archive-status'),
    Restore: of('x-amz-restore'),
    Body,
  }
}
