import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** How a server misbehaves for a path. All may be combined. */
export interface Behaviour {
  /** Only for these methods. Default: all. */
  readonly methods?: readonly string[]
  /** Only for so many requests. Default: all. */
  readonly times?: number
  /** Answers with this status, and no file. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Takes these headers away from the answer (lower case). */
  readonly without?: readonly string[]
  /** Answers 200 with this page, whatever was asked for. */
  readonly page?: string
  /**
   * Answers 200 with this page for what is not there, as `try_files` of a single-page application
   * does.
   */
  readonly pageIfAbsent?: string
  /** Sends the client there (default status 302). */
  readonly redirect?: string
  /** Ends the connection after so many bytes of the body. */
  readonly cutAfter?: number
  /** Sends so many bytes of the body and then nothing; -1: does not even answer. */
  readonly stallAfter?: number
  /** Says that the body has so many bytes. */
  readonly contentLength?: number
  readonly ignoreRange?: boolean
  /** Answers with these ETags in turn, as mirrors behind one name do. */
  readonly etags?: readonly string[]
  /**
   * Answers from these directories in turn, with these headers: mirrors that know nothing of each
   * other.
   */
  readonly mirrors?: readonly { readonly directory: string; readonly headers: Readonly<Record<string, string>> }[]
  /**
   * Compresses files though nobody asked for that; parts of them, too, or only those that are sent
   * whole.
   */
  readonly packs?: 'wholes' | 'parts too'
}

export interface WebServer {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string
  /** What was asked for, oldest first. */
  readonly requests: readonly {
    readonly method: string
    readonly url: string
    readonly headers: http.IncomingHttpHeaders
  }[]
  /** How many connections were made. */
  readonly connections: number
  /** Misbehaves for paths (as the client sends them) that match. The latest that matches counts. */
  behave(path: RegExp | string, behaviour: Behaviour): void
  /** Forgets all misbehaviour and all requests. */
  reset(): void
  close(): Promise<void>
}

/**
 * A web server on a free port of 127.0.0.1 that shows a directory: HEAD, ranges, ETags, and
 * whatever goes wrong on the web.
 */
export async function startWebServer(directory: string): Promise<WebServer> {
  let rules: { path: RegExp | string; behaviour: Behaviour; left: number }[] = []
  let requests: WebServer['requests'][number][] = []
  let connections = 0

  const behaviourFor = (url: string, method: string): Behaviour => {
    const rule = rules.find(
      ({ path, behaviour, left }) =>
        left > 0 &&
        (typeof path === 'string' ? path === url : path.test(url)) &&
        (behaviour.methods?.includes(method) ?? true),
    )
    if (rule === undefined) return {}
    rule.left -= 1
    return rule.behaviour
  }

  const server = http.createServer((request, response) => {
    const { method = '', url = '', headers } = request
    requests.push({ method, url, headers })
    answer(directory, request, response, behaviourFor(url, method)).catch(() => response.destroy())
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests
    },
    get connections() {
      return connections
    },
    behave(path, behaviour) {
      rules.unshift({ path, behaviour, left: behaviour.times ?? Number.POSITIVE_INFINITY })
    },
    reset() {
      rules = []
      requests = []
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The answer that is being made up. */
interface Draft {
  status: number
  headers: Record<string, string>
  body: AsyncIterable<Buffer> | Buffer
}

async function answer(
  directory: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  behaviour: Behaviour,
): Promise<void> {
  if (behaviour.stallAfter === -1) return
  const mirror = behaviour.mirrors && nextOf(behaviour.mirrors)
  const serve = () => serveFile(mirror?.directory ?? directory, request, behaviour)
  const draft = await packed(await misbehave(behaviour, serve), behaviour)
  const headers: Record<string, string> = { ...draft.headers, ...mirror?.headers, ...behaviour.headers }
  if (behaviour.contentLength !== undefined) headers['content-length'] = String(behaviour.contentLength)
  if (behaviour.etags !== undefined) headers.etag = nextOf(behaviour.etags) ?? ''
  for (const name of behaviour.without ?? []) delete headers[name]
  response.strictContentLength = false
  response.writeHead(draft.status, headers)
  if (request.method === 'HEAD') return void response.end()
  await sendBody(response, draft.body, behaviour)
}

const turns = new WeakMap<object, number>()

function nextOf<T>(all: readonly T[]): T | undefined {
  const turn = turns.get(all) ?? 0
  turns.set(all, turn + 1)
  return all[turn % all.length]
}

async function misbehave(behaviour: Behaviour, serve: () => Promise<Draft>): Promise<Draft> {
  const { status, redirect, page } = behaviour
  if (redirect !== undefined) return plain(status ?? 302, 'over there', { location: redirect })
  if (page !== undefined) return { ...htmlPage(page), status: status ?? 200 }
  if (status !== undefined) return plain(status, `status ${status}`)
  return serve()
}

async function serveFile(directory: string, request: http.IncomingMessage, behaviour: Behaviour): Promise<Draft> {
  const path = request.url?.split('?', 1)[0] ?? '/'
  const file = Buffer.concat([Buffer.from(directory), decodePercent(path)])
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error.code ?? 'EIO')
  if (found === 'ENOENT' || found === 'ENOTDIR') {
    const { pageIfAbsent } = behaviour
    return pageIfAbsent === undefined ? plain(404, 'not found') : htmlPage(pageIfAbsent)
  }
  if (typeof found === 'string') return plain(found === 'ENAMETOOLONG' ? 414 : 500, found)
  if (found.isDirectory()) {
    return path.endsWith('/') ? plain(403, 'no index') : plain(301, 'a directory', { location: `${path}/` })
  }
  const headers: Record<string, string> = {
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    etag: `"${found.ino.toString(16)}-${found.size.toString(16)}-${found.mtimeMs.toString(16)}"`,
    'last-modified': found.mtime.toUTCString(),
  }
  const asked = behaviour.ignoreRange ? undefined : parseRange(request.headers.range, found.size)
  if (asked === 'unsatisfiable') return plain(416, '', { ...headers, 'content-range': `bytes */${found.size}` })
  const { start, end } = asked ?? { start: 0, end: found.size }
  headers['content-length'] = String(end - start)
  if (asked) headers['content-range'] = `bytes ${start}-${end - 1}/${found.size}`
  const body = end > start ? createReadStream(file, { start, end: end - 1 }) : Buffer.alloc(0)
  return { status: asked ? 206 : 200, headers, body }
}

async function packed(draft: Draft, { packs }: Behaviour): Promise<Draft> {
  if (packs === undefined || !(draft.status === 200 || (draft.status === 206 && packs === 'parts too'))) return draft
  const chunks: Buffer[] = []
  for await (const chunk of Buffer.isBuffer(draft.body) ? [draft.body] : draft.body) chunks.push(chunk)
  const body = gzipSync(Buffer.concat(chunks))
  const headers = { ...draft.headers, 'content-encoding': 'gzip', 'content-length': String(body.length) }
  return { ...draft, headers, body }
}

function htmlPage(text: string): Draft {
  return plain(200, text, { 'content-type': 'text/html; charset=utf-8' })
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Draft {
  const body = Buffer.from(text)
  return { status, headers: { 'content-length': String(body.length), ...headers }, body }
}

function parseRange(
  range: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  if (first === undefined) return undefined
  const [start, end] = [Number(first), Math.min(last ? Number(last) + 1 : size, size)]
  return start >= size ? 'unsatisfiable' : { start, end }
}

async function sendBody(
  response: http.ServerResponse,
  body: AsyncIterable<Buffer> | Buffer,
  { cutAfter, stallAfter }: Behaviour,
): Promise<void> {
  const limit = cutAfter ?? stallAfter ?? Number.POSITIVE_INFINITY
  const closed = new Promise((resolve) => response.once('close', resolve))
  let sent = 0
  for await (const chunk of Buffer.isBuffer(body) ? [body] : body) {
    const part = chunk.subarray(0, limit - sent)
    sent += part.length
    if (!response.write(part)) await Promise.race([closed, new Promise((resolve) => response.once('drain', resolve))])
    if (response.destroyed || sent >= limit) break
  }
  if (cutAfter !== undefined) response.write('', () => response.destroy())
  else if (stallAfter === undefined) response.end()
}

function decodePercent(text: string): Buffer {
  const parts = text.split(/%([0-9A-Fa-f]{2})/)
  return Buffer.concat(parts.map((part, i) => (i % 2 === 0 ? Buffer.from(part, 'latin1') : Buffer.from(part, 'hex'))))
}
