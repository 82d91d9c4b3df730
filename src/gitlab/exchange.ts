import * as http from 'node:http'
import * as https from 'node:https'
import { ConfigError, codeOf, messageOf } from '../core/errors.ts'
import type { WebAgents } from '../core/web/agents.ts'
import { isProxyRefusal, type Route } from '../core/web/route.ts'
import type { GitLabAddress } from './address.ts'
import { GitLabError } from './gitlab-error.ts'
import type { Token } from './token.ts'

export type Method = 'GET' | 'POST' | 'PUT'

export interface Call {
  readonly method: Method
  /** What follows `/api/v4`, encoded, with its query. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
}

/** What came back, whatever its status. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

export interface ExchangeOptions {
  readonly address: GitLabAddress
  readonly token: Token
  /** How it is reached. */
  readonly agents: WebAgents
  /** Nothing came for so long: it has failed. ms. */
  readonly stallMs: number
  readonly signal?: AbortSignal | undefined
}

/** Far more than any answer that we ask for. Bytes. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/** How messages name a call. */
export function nameOf({ method, path }: Call, { host }: GitLabAddress): string {
  return `${method} ${host}/api/v4${path.replace(/\?.*$/s, '')}`
}

/**
 * Sends one request, once, and reads what comes back. A redirect is an answer like any other:
 * nobody but the given GitLab gets the token. Throws GitLabError `unreachable`, `untrusted` or
 * `aborted`.
 */
export async function exchange(
  call: Call,
  { address, token, agents, stallMs, signal }: ExchangeOptions,
): Promise<Answer> {
  const where = nameOf(call, address)
  const stop = new AbortController()
  const clock = setTimeout(() => stop.abort(), stallMs)
  const follow = () => stop.abort()
  if (signal?.aborted) follow()
  signal?.addEventListener('abort', follow)
  try {
    const url = new URL(`${address.url}/api/v4${call.path}`)
    const { agent } = await agents.agentFor(url)
    const response = await send(call, url, token, { agent, signal: stop.signal })
    clock.refresh()
    const text = await readBody(response, () => clock.refresh())
    return { status: response.statusCode ?? 0, headers: headersOf(response), text, json: parse(text) }
  } catch (error) {
    if (signal?.aborted) throw new GitLabError({ kind: 'aborted', where, message: 'aborted', cause: signal.reason })
    if (stop.signal.aborted) {
      throw new GitLabError({ kind: 'unreachable', where, message: `no answer for ${stallMs / 1000} s`, cause: error })
    }
    throw whyNoAnswer(where, error, agents.routeOf(new URL(address.url).host))
  } finally {
    clearTimeout(clock)
    signal?.removeEventListener('abort', follow)
  }
}

function send(
  { method, body }: Call,
  url: URL,
  token: Token,
  { agent, signal }: { readonly agent: http.Agent; readonly signal: AbortSignal },
): Promise<http.IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http
  const content = body && Buffer.from(JSON.stringify(body))
  const headers = {
    accept: 'application/json',
    // Any kind of token is taken so.
    authorization: `Bearer ${token.reveal()}`,
    'user-agent': 'riastore',
    ...(content && { 'content-type': 'application/json', 'content-length': content.length }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent, signal }, resolve)
    sent.on('error', reject)
    sent.end(content)
  })
}

async function readBody(response: http.IncomingMessage, onProgress: () => void): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    onProgress()
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length).toString('utf8')
}

function headersOf({ headersDistinct }: http.IncomingMessage): Headers {
  const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) => values.map((value) => [name, value]))
  return new Headers(pairs as [string, string][])
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: 'it did not answer',
}

/**
 * What node says of a certificate (tls: X509 certificate error codes, and of names that do not
 * match).
 */
const ABOUT_CERTIFICATE = /CERT|^UNABLE_TO_|^ERR_TLS/

/** `route`: how it was tried, where a proxy is set. */
function whyNoAnswer(where: string, error: unknown, route: Route | undefined): Error {
  if (error instanceof ConfigError) return error
  const code = codeOf(error) ?? ''
  if (ABOUT_CERTIFICATE.test(code)) {
    const how =
      "SSL_CERT_FILE, git's http.sslCAInfo or NODE_EXTRA_CA_CERTS names a file with one more authority to trust"
    const message = `its certificate is not trusted (${messageOf(error)}); ${how}`
    return new GitLabError({ kind: 'untrusted', where, message, cause: error })
  }
  const first = error instanceof AggregateError ? error.errors[0] : error
  const words = isProxyRefusal(error) ? error.message : (WORDS[code] ?? messageOf(first))
  const message = `cannot be reached${route === undefined ? '' : ` ${route.words}`}: ${words}`
  return new GitLabError({ kind: 'unreachable', where, message, cause: error })
}
