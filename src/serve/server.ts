import { createServer, type Server } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { ConfigError } from '../core/errors.ts'
import type { Store } from '../store/store.ts'
import { sendByPath, sendDatasets } from './by-path.ts'
import { DatasetViews } from './dataset-views.ts'
import { Exchange } from './exchange.ts'
import { ABSENT } from './failures.ts'
import { sendFromTree, sendStoreLayout } from './ria-tree.ts'
import { DAV_HEADERS, sendProperties } from './webdav.ts'

/** Who asked for what, and what was answered. */
export interface Access {
  /** The address of the client, or of the proxy before us. */
  readonly client: string
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** What was answered; 0 when the client was gone before. */
  readonly status: number
  /** Why it failed, in one line. */
  readonly failure?: string | undefined
}

export interface ServeOptions {
  /** Where indices of archives are kept. */
  readonly cacheDirectory: string | undefined
  /** Only requests for this computer's own names are answered. */
  readonly loopbackOnly: boolean
  readonly onAccess: (access: Access) => void
}

type Env = { readonly Bindings: HttpBindings }

/** What is shown by path, also to those who mount it. */
const BY_PATH = '/d/*'
const DAV_METHODS = DAV_HEADERS.Allow.split(', ')

/** A request that sends its head for longer is ended. ms. */
const HEAD_MS = 20_000

/** So much of an answer waits for a client to take it. Bytes. */
const WAITING_BYTES = 64 * 1024

/** Serves a store for reading, over HTTP. It does not listen yet. */
export function storeServer(store: Store, options: ServeOptions): { readonly server: Server; close(): Promise<void> } {
  const views = new DatasetViews(store, options.cacheDirectory)
  const listener = getRequestListener(routes(views, options).fetch, { overrideGlobalObjects: false })
  const settings = {
    headersTimeout: HEAD_MS,
    requestTimeout: HEAD_MS,
    connectionsCheckingInterval: HEAD_MS / 4,
    highWaterMark: WAITING_BYTES,
  }
  const server = createServer(settings, listener)
  return {
    server,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await views.close()
    },
  }
}

function routes(views: DatasetViews, { loopbackOnly, onAccess }: ServeOptions): Hono<Env> {
  const app = new Hono<Env>({ getPath: (request) => oneSlash(new URL(request.url).pathname) })
  type Send = (exchange: Exchange, path: readonly string[]) => Promise<void>
  /** What is registered here answers by itself, and all that it throws becomes an answer. */
  const on = (route: string, send: Send) =>
    app.all(route, async ({ env }: Context<Env>) => {
      const { incoming, outgoing } = env
      const exchange = new Exchange(incoming, outgoing)
      let failure: string | undefined
      outgoing.once('close', () =>
        onAccess({
          client: incoming.socket.remoteAddress ?? '',
          method: incoming.method ?? '',
          target: incoming.url ?? '',
          status: outgoing.headersSent ? outgoing.statusCode : 0,
          failure,
        }),
      )
      outgoing.setHeader('X-Content-Type-Options', 'nosniff')
      try {
        const path = requirePath(exchange, route === BY_PATH ? DAV_METHODS : ['GET', 'HEAD'], loopbackOnly)
        if (path !== undefined) await send(exchange, path)
      } catch (error) {
        failure = exchange.fail(error)
      }
      return RESPONSE_ALREADY_SENT
    })
  on('/', (exchange) => sendDatasets(exchange, views))
  on('/ria-layout-version', (exchange) => sendStoreLayout(exchange, views))
  on('/healthz', async (exchange) => exchange.answer(200, 'text/plain', 'ok\n'))
  on(BY_PATH, async (exchange, [, dataset = '', ref = '', ...path]) => {
    const address = { dataset, ref, path: path.join('/') }
    const { method } = exchange.request
    if (method === 'OPTIONS') exchange.answer(200, 'text/plain', '', DAV_HEADERS)
    else if (method === 'PROPFIND') await sendProperties(exchange, views, address)
    else await sendByPath(exchange, views, address)
  })
  on('/:top/:rest/*', async (exchange, path) => {
    const [top, rest, ...below] = path
    if (path.some((part) => part.includes('/'))) return exchange.refuse(ABSENT)
    await sendFromTree(exchange, views, `${top}/${rest}`, below.join('/'))
  })
  on('*', async (exchange) => exchange.refuse(ABSENT))
  return app
}

/** The parts of the path, without escapes; undefined when the request was refused. */
function requirePath(
  exchange: Exchange,
  methods: readonly string[],
  loopbackOnly: boolean,
): readonly string[] | undefined {
  const { method = '', url = '/', headers } = exchange.request
  exchange.request.resume() // what it may have for a body
  if (!methods.includes(method)) {
    exchange.answer(405, 'text/plain', 'this server is for reading\n', { Allow: methods.join(', ') })
    return undefined
  }
  // A page elsewhere may have had its own name point to this computer.
  if (loopbackOnly && !isLoopbackName(headers.host)) {
    exchange.answer(421, 'text/plain', 'this server answers only to localhost, unless it is started with --public\n')
    return undefined
  }
  return partsOf(url)
}

/** Throws ConfigError for what can be no path of ours. */
function partsOf(url: string): readonly string[] {
  const path = oneSlash(url.split('?')[0] ?? '')
  const parts = path.slice(1).split('/').map(decodePart)
  const isClean = parts.every((part, i) => isName(part) || (part === '' && i === parts.length - 1))
  if (!path.startsWith('/') || !isClean) throw new ConfigError('the path is not one')
  return parts
}

/** Clients join the store's address and a path as they like. */
function oneSlash(path: string): string {
  return path.replace(/\/{2,}/g, '/')
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new ConfigError('the path has an escape that is none')
  }
}

/** A ref has slashes, as `%2F`; where a name may have none no dataset has it. */
function isName(part: string): boolean {
  return (
    part !== '' && part.split('/').every((each) => each !== '' && each !== '.' && each !== '..') && !part.includes('\0')
  )
}

function isLoopbackName(host: string | undefined): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host ?? '')
}
