import { codeOf, messageOf } from '../core/errors.ts'
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
export async function exchange(call: Call, { address, token, stallMs, signal }: ExchangeOptions): Promise<Answer> {
  const where = nameOf(call, address)
  const stop = new AbortController()
  const clock = setTimeout(() => stop.abort(), stallMs)
  const follow = () => stop.abort()
  if (signal?.aborted) follow()
  signal?.addEventListener('abort', follow)
  try {
    const response = await fetch(`${address.url}/api/v4${call.path}`, {
      method: call.method,
      redirect: 'manual',
      signal: stop.signal,
      headers: {
        accept: 'application/json',
        // Any kind of token is taken so, and fetch itself never carries this header to another
        // host.
        authorization: `Bearer ${token.reveal()}`,
        'user-agent': 'riastore',
        ...(call.body && { 'content-type': 'application/json' }),
      },
      ...(call.body && { body: JSON.stringify(call.body) }),
    })
    clock.refresh()
    const text = await readBody(response, () => clock.refresh())
    return { status: response.status, headers: response.headers, text, json: parse(text) }
  } catch (error) {
    if (signal?.aborted) throw new GitLabError({ kind: 'aborted', where, message: 'aborted', cause: signal.reason })
    if (stop.signal.aborted) {
      throw new GitLabError({ kind: 'unreachable', where, message: `no answer for ${stallMs / 1000} s`, cause: error })
    }
    throw whyNoAnswer(where, error)
  } finally {
    clearTimeout(clock)
    signal?.removeEventListener('abort', follow)
  }
}

async function readBody(response: Response, onProgress: () => void): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (response.body !== null) {
    for await (const chunk of response.body) {
      onProgress()
      length += chunk.length
      if (length > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`)
      chunks.push(chunk)
    }
  }
  return Buffer.concat(chunks, length).toString('utf8')
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
  UND_ERR_SOCKET: 'it closed the connection',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: 'it did not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it did not answer',
}

/**
 * What node says of a certificate (tls: X509 certificate error codes, and of names that do not
 * match).
 */
const ABOUT_CERTIFICATE = /CERT|^UNABLE_TO_|^ERR_TLS/

/** fetch hides the reason behind "fetch failed". */
function whyNoAnswer(where: string, error: unknown): GitLabError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = codeOf(cause) ?? ''
  if (ABOUT_CERTIFICATE.test(code)) {
    const how = 'NODE_EXTRA_CA_CERTS names a file with one more authority to trust'
    const message = `its certificate is not trusted (${messageOf(cause)}); ${how}`
    return new GitLabError({ kind: 'untrusted', where, message, cause: error })
  }
  const message = `cannot be reached: ${WORDS[code] ?? messageOf(cause)}`
  return new GitLabError({ kind: 'unreachable', where, message, cause: error })
}
