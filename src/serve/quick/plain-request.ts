import type { IncomingHttpHeaders } from 'node:http'

/** A request that nobody can take for another one. */
export interface PlainRequest {
  readonly method: 'GET' | 'HEAD'
  /** Without escapes and without a query, as it was sent. */
  readonly path: string
  /** One range of bytes that a GET asks for, as it was sent. */
  readonly range?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** Longer ones are no clients' that we know. Bytes. */
const MAX_BYTES = 4096

/** Source: RFC 9112, 3; of what it allows, what means the same to everybody. */
const FIRST_LINE = /^(GET|HEAD) ((?:\/[\w~&+=,@:-][\w.~&+=,@:-]*)+) HTTP\/1\.1$/

/** Source: RFC 9112, 5; the same. It ends with the empty line that ends the head. */
const HEADER_LINES = /^(?:[A-Za-z-]+: [!-~](?:[ -~]*[!-~])?\r\n)+\r\n$/

/** Source: RFC 9110, 14.1.2; one range, of numbers that are exact in node. */
const RANGE = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/

/** What changes nothing of an answer of ours but the part that is sent, and what says who asks. */
const HEADERS: ReadonlySet<string> = new Set([
  ...['host', 'range', 'user-agent', 'accept', 'accept-encoding', 'accept-language', 'connection'],
  ...['authorization', 'x-forwarded-for', 'x-forwarded-proto'],
])

/** Reads what comes of one connection. */
export class PlainRequests {
  readonly #more: string | undefined
  /** What a client sends before each of its requests is mostly the same. */
  #lines = ''
  #headers: IncomingHttpHeaders | undefined

  /** `more`: another header that may be there, in lower case. */
  constructor(more: string | undefined) {
    this.#more = more
  }

  /**
   * Reads what came at once as one whole request. Undefined for whatever has anything in it that is
   * not plain, be it right or wrong: that is for node, which knows all of HTTP.
   */
  read(bytes: Buffer): PlainRequest | undefined {
    if (bytes.length > MAX_BYTES) return undefined
    const text = bytes.toString('latin1')
    const end = text.indexOf('\r\n')
    const [, method, path] = FIRST_LINE.exec(text.slice(0, end)) ?? []
    const lines = text.slice(end + 2)
    if (path === undefined) return undefined
    if (lines !== this.#lines) {
      this.#headers = headersIn(lines, this.#more)
      this.#lines = lines
    }
    const headers = this.#headers
    if (headers?.range !== undefined && (method === 'HEAD' || !RANGE.test(headers.range))) return undefined
    return headers && { method: method === 'HEAD' ? 'HEAD' : 'GET', path, range: headers.range, headers }
  }
}

function headersIn(lines: string, more: string | undefined): IncomingHttpHeaders | undefined {
  if (!HEADER_LINES.test(lines)) return undefined
  const headers: Record<string, string> = {}
  for (const line of lines.slice(0, -4).split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const isKnown = HEADERS.has(name) || name === more
    if (!isKnown || Object.hasOwn(headers, name)) return undefined
    headers[name] = line.slice(colon + 2)
  }
  const keeps = (headers.connection ?? 'keep-alive').toLowerCase() === 'keep-alive'
  return headers.host !== undefined && keeps ? headers : undefined
}
