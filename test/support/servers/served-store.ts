import { once } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Access, type ServeOptions, storeServer } from '../../../src/serve/server.ts'
import type { Store } from '../../../src/store/store.ts'

/** What a request got. */
export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly bytes: Buffer
  /** The answer was broken off. */
  readonly broken: boolean
}

/** `riastore serve` in this process, and requests to it. */
export interface ServedStore {
  readonly port: number
  /** Each request that was told of, in order. */
  readonly log: readonly Access[]
  /** Sends a path as it is: a URL would be made clean before. */
  ask(path: string, options?: Readonly<Record<string, string>>): Promise<Answer>
  close(): Promise<void>
}

/** Serves a store on a port that is free, by default on this computer alone. */
export async function serveStore(store: Store, options: Partial<ServeOptions> = {}): Promise<ServedStore> {
  const log: Access[] = []
  const served = storeServer(store, {
    cacheDirectory: undefined,
    hosts: new Set(),
    onAccess: (access) => log.push(access),
    ...options,
  })
  served.server.listen(0, '127.0.0.1')
  await once(served.server, 'listening')
  const { port } = served.server.address() as AddressInfo
  return { port, log, ask: (path, asked) => ask(port, path, asked), close: () => served.close() }
}

function ask(
  port: number,
  path: string,
  { method = 'GET', ...headers }: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      const end = (broken: boolean) => () => {
        const bytes = Buffer.concat(chunks)
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, body: bytes.toString(), bytes, broken })
      }
      response.on('end', end(false))
      response.on('error', end(true))
    })
    request.on('error', reject)
    request.end()
  })
}
