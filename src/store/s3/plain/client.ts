import * as http from 'node:http'
import * as https from 'node:https'
import type { S3Client } from '@aws-sdk/client-s3'
import { SignatureV4 } from '@smithy/signature-v4'
import { packingOf } from '../../common/http-packed.ts'
import { collectAnswer, expectAnswer } from '../answers.ts'
import { Refused } from '../errors.ts'
import { guardToken } from '../token-guard.ts'
import type { PlainRequest } from './request.ts'

export interface PlainClientOptions {
  readonly endpoint: URL
  readonly agent: http.Agent | https.Agent
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
  readonly Body: http.IncomingMessage | undefined
}

/** A clock that is further from the server's is not believed: servers refuse 15 minutes. ms. */
const MAX_SKEW_MS = 4 * 60_000

/**
 * Sends the requests that most keys come and go with by node's own client, signed by the SDK's
 * signer. The SDK's way from a command to a request, and from an answer back, takes three times as
 * much processor time as all the rest of a small request.
 */
export class PlainClient {
  readonly #options: PlainClientOptions
  readonly #signer: SignatureV4
  readonly #to: { readonly protocol: string; readonly hostname: string; readonly port?: number }

  constructor(options: PlainClientOptions) {
    this.#options = options
    const { config } = options.client
    this.#signer = new SignatureV4({
      service: 's3',
      region: config.region,
      credentials: config.credentials,
      sha256: config.sha256,
      uriEscapePath: false,
    })
    const { protocol, hostname, port } = options.endpoint
    this.#to = { protocol, hostname, ...(port !== '' && { port: Number(port) }) }
  }

  /** Throws Refused for what the server refuses; else what the credentials and node throw. */
  async send(request: PlainRequest, { signal, mayChange }: SendOptions): Promise<Answer> {
    const { method, path, content } = request
    const headers = await this.#sign(request)
    // Not signed: what stands between may change it. Packed content would make every length a lie.
    headers['accept-encoding'] = 'identity'
    // What a proxy remembers proves nothing. Of a PUT it would be kept with the object.
    if (method === 'GET' || method === 'HEAD') headers['cache-control'] = 'no-cache'
    await guardToken({ ...this.#to, headers })
    signal.throwIfAborted()
    mayChange?.()
    const answer = await this.#exchange({ method, path, headers }, content, signal)
    this.#noteClock(answer)
    return read(method, answer)
  }

  async #sign({ method, path, headers: given, content }: PlainRequest): Promise<Record<string, string>> {
    const headers = { ...given, host: this.#options.endpoint.host, 'user-agent': 'riastore' }
    if (this.#options.anonymous) return headers
    const { systemClockOffset } = this.#options.client.config
    const request = { method, ...this.#to, path, query: {}, headers, body: content }
    const signed = await this.#signer.sign(request, { signingDate: new Date(Date.now() + systemClockOffset) })
    return signed.headers as Record<string, string>
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
      const sent = request({ ...options, host, port, agent: this.#options.agent }, (answer) => {
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
  #noteClock({ headers }: http.IncomingMessage): void {
    const { config } = this.#options.client
    const now = Date.now()
    const server = Date.parse(headers.date ?? '')
    if (Math.abs(server - now - config.systemClockOffset) >= MAX_SKEW_MS) config.systemClockOffset = server - now
  }
}

async function read(method: string, answer: http.IncomingMessage): Promise<Answer> {
  const { statusCode: status = 0, headers } = answer
  const isGood = status >= 200 && status < 300
  if (isGood && method === 'GET') return answerOf(status, headers, answer)
  expectAnswer(answer, packingOf(headers['content-encoding']), undefined)
  const body = await collectAnswer(answer)
  if (isGood && !isError(body)) return answerOf(status, headers, undefined)
  // A parser, which most runs have no use for.
  const { readErrorAnswer } = await import('./error-answer.ts')
  const words = readErrorAnswer(body)
  const told = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  // An error may come after a good beginning: the server had to say something before it knew.
  throw new Refused({ status: isGood ? 503 : status, headers: told, ...words })
}

function isError(body: Uint8Array): boolean {
  return Buffer.from(body.subarray(-16)).toString('latin1').endsWith('</Error>')
}

function answerOf(
  httpStatusCode: number,
  headers: http.IncomingHttpHeaders,
  Body: http.IncomingMessage | undefined,
): Answer {
  const of = (name: string) => headers[name] as string | undefined
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
