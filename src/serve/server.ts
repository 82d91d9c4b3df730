import { createServer, type Server } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { Store } from '../store/store.ts'
import { sendByPath } from './by-path.ts'
import { sendDatasets } from './catalogue.ts'
import { DatasetViews } from './dataset-views.ts'
import { DAV_HEADERS, sendProperties } from './dav/webdav.ts'
import { Desk, type ServeOptions } from './desk.ts'
import type { Exchange } from './exchange.ts'
import { ABSENT } from './failures.ts'
import { QuickLane } from './quick/quick-lane.ts'
import { oneSlash } from './require-path.ts'
import { sendFate, sendFromTree, sendStoreLayout } from './ria-tree.ts'
import type { Views } from './views.ts'

export type { Access, ServeOptions } from './desk.ts'

type Env = { readonly Bindings: HttpBindings }

/** What is shown by path, also to those who mount it. */
const BY_PATH = '/d/*'
/** Source: Prometheus, exposition formats. */
const METRICS = 'text/plain; version=0.0.4; charset=utf-8'

const DAV_METHODS = DAV_HEADERS.Allow.split(', ')

/** A request that sends its head for longer is ended. ms. */
const HEAD_MS = 20_000

/** So much of an answer waits for a client to take it. Bytes. */
const WAITING_BYTES = 64 * 1024

/** Serves a store for reading, over HTTP. It does not listen yet. */
export function storeServer(store: Store, options: ServeOptions): { readonly server: Server; close(): Promise<void> } {
  const views = new DatasetViews(store, options.cacheDirectory)
  const desk = new Desk(views, options)
  const listener = getRequestListener(routes(desk).fetch, { overrideGlobalObjects: false })
  const settings = {
    headersTimeout: HEAD_MS,
    requestTimeout: HEAD_MS,
    connectionsCheckingInterval: HEAD_MS / 4,
    highWaterMark: WAITING_BYTES,
  }
  const server = createServer(settings, listener)
  const lane = new QuickLane(desk, store, options)
  lane.before(server)
  server.on('connection', () => desk.turns.noteConnection())
  return {
    server,
    close: async () => {
      server.close()
      server.closeAllConnections()
      lane.close()
      await views.close()
    },
  }
}

/** What answers a request whose path has these parts, for one who may have these views. */
type Send = (exchange: Exchange, path: readonly string[], views: Views) => Promise<void>

function routes(desk: Desk): Hono<Env> {
  const app = new Hono<Env>({ getPath: (request) => oneSlash(new URL(request.url).pathname) })
  const on = (route: string, send: Send) =>
    app.all(route, async ({ env: { incoming, outgoing } }: Context<Env>) => {
      await desk.answer(incoming, outgoing, route === BY_PATH ? DAV_METHODS : ['GET', 'HEAD'], send)
      return RESPONSE_ALREADY_SENT
    })
  on('/', (exchange, _path, views) => sendDatasets(exchange, views))
  on('/ria-layout-version', (exchange, _path, views) => sendStoreLayout(exchange, views))
  on('/healthz', async (exchange) => exchange.answer(200, 'text/plain', 'ok\n'))
  on('/metrics', async (exchange) => exchange.answer(200, METRICS, desk.metrics.text()))
  on(BY_PATH, async (exchange, [, dataset = '', ref = '', ...path], views) => {
    const address = { dataset, ref, path: path.join('/') }
    const { method } = exchange.request
    if (method === 'OPTIONS') exchange.answer(200, 'text/plain', '', DAV_HEADERS)
    else if (method === 'PROPFIND') await sendProperties(exchange, views, address)
    else await sendByPath(exchange, views, address)
  })
  on('/trash/:id/removed', (exchange, [, id = ''], views) => sendFate(exchange, views, id))
  on('/:top/:rest/*', async (exchange, path, views) => {
    const [top, rest, ...below] = path
    if (path.some((part) => part.includes('/'))) return exchange.refuse(ABSENT)
    await sendFromTree(exchange, views, `${top}/${rest}`, below.join('/'))
  })
  on('*', async (exchange) => exchange.refuse(ABSENT))
  return app
}
