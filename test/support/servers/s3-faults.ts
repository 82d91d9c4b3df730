import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** How the server misbehaves. */
export interface Fault {
  /** Only for requests of which `METHOD /path?query` matches. Default: all. */
  readonly on?: RegExp
  /** Only for requests for which this says so, of those that match. Default: all. */
  readonly chance?: () => boolean
  /** Only for so many requests. Default: all. */
  readonly times?: number
  /** Answers with this status, and the error of S3 with this code (none: without a body). */
  readonly status?: number
  readonly code?: string
  /** More elements for the error's XML. */
  readonly xml?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Answers with this page, as a web console does, whatever was asked for. */
  readonly page?: string
  /** Gives the real answer this status. */
  readonly as?: number
  /** Takes these headers away from the real answer (lower case). */
  readonly without?: readonly string[]
  /**
   * Does not hear these headers of the request (lower case). Signed requests are refused then: only
   * for what anybody may do.
   */
  readonly deafTo?: readonly string[]
  /** Replaces the body of the real answer. */
  readonly body?: (body: Buffer) => Buffer
  /** Ends the connection after so many bytes of the body. */
  readonly cutAfter?: number
  /** Passes the request on so much later. */
  readonly delayMs?: number
  /** Does not answer at all. */
  readonly silent?: boolean
  /**
   * Sends 200 and blanks until the real answer is there, as Amazon does while it works; then that,
   * or nothing more.
   */
  readonly blanksThen?: 'answer' | 'silence'
  /** Sends 200 and then blanks without end. */
  readonly endless?: boolean
  /** Compresses the body of a real answer that is not one part of it, and says so. */
  readonly packs?: boolean
  /** Only for requests that lack this header (lower case). */
  readonly onlyWithout?: string
}

export interface S3Faults {
  readonly endpoint: string
  /** `METHOD /path?query`, oldest first. */
  readonly requests: readonly string[]
  /** The headers of each of them. */
  readonly headers: readonly http.IncomingHttpHeaders[]
  /** What was sent with those that were answered here, for want of a real server that would. */
  readonly bodies: readonly { readonly request: string; readonly body: string }[]
  /** The latest that matches counts. */
  misbehave(fault: Fault): void
  /** Forgets all faults and requests. */
  reset(): void
  close(): Promise<void>
}

/**
 * A server in front of a real S3 server that does what a real one cannot be made to do. Without
 * faults it passes everything on.
 */
export async function startS3Faults(behind: string): Promise<S3Faults> {
  const { hostname, port: portBehind } = new URL(behind)
  const agent = new http.Agent({ keepAlive: true })
  let faults: { fault: Fault; left: number }[] = []
  let requests: string[] = []
  let headersSeen: http.IncomingHttpHeaders[] = []
  let bodies: { request: string; body: string }[] = []

  const faultFor = (request: string, headers: http.IncomingHttpHeaders): Fault => {
    const lacks = ({ onlyWithout }: Fault) => onlyWithout === undefined || headers[onlyWithout] === undefined
    const isHit = (fault: Fault) => (fault.on?.test(request) ?? true) && lacks(fault) && (fault.chance?.() ?? true)
    const found = faults.find(({ fault, left }) => left > 0 && isHit(fault))
    if (found === undefined) return {}
    found.left -= 1
    return found.fault
  }

  const server = http.createServer((request, response) => {
    const { method = '', url = '' } = request
    requests.push(`${method} ${url}`)
    headersSeen.push(request.headers)
    const fault = faultFor(`${method} ${url}`, request.headers)
    if (fault.silent) return
    if (fault.endless) return void sendBlanksForever(response)
    if (fault.status !== undefined || fault.page !== undefined) {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk.subarray(0, 4096)))
      request.on('end', () => {
        if (chunks.length > 0) bodies.push({ request: `${method} ${url}`, body: Buffer.concat(chunks).toString() })
        answerOurselves(request, response, fault)
      })
      return
    }
    const headers = { ...request.headers }
    for (const name of fault.deafTo ?? []) delete headers[name]
    // The host stays as the client named it: that is what it signed.
    const options = { hostname, port: portBehind, method, path: url, headers, agent, setHost: false }
    const stopBlanks = fault.blanksThen && sendBlanks(response)
    const onward = http.request(options, (answer) =>
      stopBlanks ? endBlanks(answer, response, fault, stopBlanks) : passOn(answer, response, fault),
    )
    onward.on('error', () => response.destroy())
    if (fault.delayMs === undefined) request.pipe(onward)
    else setTimeout(() => request.pipe(onward), fault.delayMs)
    request.on('close', () => {
      if (!request.complete) onward.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get requests() {
      return requests
    },
    get headers() {
      return headersSeen
    },
    get bodies() {
      return bodies
    },
    misbehave: (fault) => {
      faults.unshift({ fault, left: fault.times ?? Number.POSITIVE_INFINITY })
    },
    reset: () => {
      faults = []
      requests = []
      headersSeen = []
      bodies = []
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answerOurselves(request: http.IncomingMessage, response: http.ServerResponse, fault: Fault): void {
  const { status = 200, code, xml = '', page, headers } = fault
  const error = code && `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code>${xml}</Error>`
  const body = page ?? error ?? ''
  const type = page === undefined ? 'application/xml' : 'text/html'
  const ids = page === undefined ? { 'x-amz-request-id': 'tx0000' } : { etag: '"5f3-1"', server: 'nginx' }
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...ids, ...headers })
  response.end(request.method === 'HEAD' ? '' : body)
}

function sendBlanks(response: http.ServerResponse): () => void {
  response.writeHead(200, { 'content-type': 'application/xml', 'x-amz-request-id': 'tx0000' })
  const timer = setInterval(() => response.write('\n '), 20)
  response.on('close', () => clearInterval(timer))
  return () => clearInterval(timer)
}

async function endBlanks(
  answer: http.IncomingMessage,
  response: http.ServerResponse,
  { blanksThen }: Fault,
  stop: () => void,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  await new Promise((resolve) => setTimeout(resolve, 200)) // so that some blanks were sent, however fast it was
  stop()
  if (blanksThen === 'answer') response.end(Buffer.concat([...chunks, Buffer.from('\n\n')]))
}

function sendBlanksForever(response: http.ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/xml', 'x-amz-request-id': 'tx0000' })
  const blanks = Buffer.alloc(256 * 1024, ' ')
  const more = () => {
    while (!response.destroyed && response.write(blanks));
  }
  response.on('drain', more)
  more()
}

async function passOn(answer: http.IncomingMessage, response: http.ServerResponse, fault: Fault): Promise<void> {
  const headers = { ...answer.headers, ...fault.headers }
  for (const name of fault.without ?? []) delete headers[name]
  const packs = fault.packs && answer.statusCode === 200
  if (fault.body === undefined && fault.cutAfter === undefined && !packs) {
    response.writeHead(fault.as ?? answer.statusCode ?? 500, headers)
    answer.pipe(response)
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const real = Buffer.concat(chunks)
  const body = fault.body?.(real) ?? (packs ? gzipSync(real) : real)
  if (packs) headers['content-encoding'] = 'gzip'
  if (fault.body || packs) {
    delete headers['transfer-encoding']
    headers['content-length'] = String(body.length)
  }
  response.writeHead(fault.as ?? answer.statusCode ?? 500, { ...headers, ...fault.headers })
  if (fault.cutAfter === undefined) response.end(body)
  else response.write(body.subarray(0, fault.cutAfter), () => setTimeout(() => response.destroy(), 20))
}
