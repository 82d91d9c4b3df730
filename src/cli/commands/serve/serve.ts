import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { cacheDirectory } from '../../../core/cache-directory.ts'
import { ConfigError } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import { noStore } from '../../../ria/layout/no-store.ts'
import { LAYOUT_FILE } from '../../../ria/layout/paths.ts'
import { readRules } from '../../../serve/access-file.ts'
import { type GateOptions, parseProxies } from '../../../serve/gate.ts'
import { type Access, type ServeOptions, storeServer } from '../../../serve/server.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { parseCount, parseSize } from '../../quantities.ts'
import { withStoreOfWords } from '../../store-words.ts'
import type { SERVE } from '../../table/serve.ts'

/**
 * So many may wait to be let in; the system has a bound of its own (Linux: net.core.somaxconn).
 * Whoever comes when it is full tries again a second later.
 */
const BACKLOG = 4096

/** `riastore serve` */
export async function run(console: Console, args: ArgsOf<typeof SERVE>): Promise<number> {
  const { host, port } = parseAddress(args.listen)
  const isPublic = args.public === true
  const options = optionsOf(args)
  if (!isPublic && args.access === undefined && !isLoopback(host)) {
    throw new ConfigError(
      `whoever reaches ${host} could read the whole store: say who may with --access FILE, or --public`,
    )
  }
  // What is wrong in it is told at once, and not to who asks first.
  if (args.access !== undefined && (await readRules(args.access)) === undefined)
    throw new ConfigError(`there is no ${args.access}: riastore serve token make writes one`)
  return withStoreOfWords(args.store === undefined ? [] : [args.store], async (store) => {
    if ((await store.stat(LAYOUT_FILE, { signal: console.signal })) === undefined) throw noStore(store)
    const onAccess = (access: Access) => showAccess(console, access)
    const served = storeServer(store, { ...options, cacheDirectory: cacheDirectory(), onAccess })
    try {
      served.server.listen({ host, port, backlog: BACKLOG })
      await once(served.server, 'listening', { signal: console.signal })
      const url = urlOf(served.server.address() as AddressInfo)
      console.show({ type: 'server', action: 'serve', url }, `serving ${store.traits.root} at ${url}`)
      const ended = new Promise<never>((_resolve, reject) => {
        served.server.once('error', reject)
        console.signal.addEventListener('abort', () => reject(console.signal.reason), { once: true })
      })
      return await ended
    } finally {
      await served.close()
    }
  })
}

function showAccess(console: Console, { failure, ...access }: Access): void {
  const { client, user = '-', method, target, status, bytes } = access
  const time = () => new Date().toISOString()
  console.report({ type: 'access', ...(console.json && { time: time() }), ...access, failure }, () =>
    printable(`${time()} ${client} ${user} ${method} ${target} ${status} ${bytes}${failure ? `  ${failure}` : ''}`),
  )
}

/** Throws ConfigError. */
function optionsOf(args: ArgsOf<typeof SERVE>): Pick<ServeOptions, 'hosts' | 'limits' | keyof GateOptions> {
  const { host = [], proxy = [], access } = args
  const most = (name: string, text: string | undefined, parse: (name: string, text: string) => number) => {
    const value = text === undefined ? undefined : parse(name, text)
    if (value === 0) throw new ConfigError(`--${name} is 0: nobody would ever get anything`)
    return value
  }
  if (proxy.length > 0 && access === undefined) {
    throw new ConfigError('--proxy says who asks, and only --access FILE says what they may read')
  }
  try {
    return {
      hosts: args.public === true ? undefined : new Set(host.map((name) => name.toLowerCase())),
      accessFile: access,
      proxies: proxy.length === 0 ? undefined : parseProxies(proxy),
      identityHeader: args.identityHeader.toLowerCase(),
      limits: {
        requestsPerMinute: most('max-requests', args.maxRequests, parseCount),
        connections: most('max-connections', args.maxConnections, parseCount),
        bytesPerSecond: most('max-rate', args.maxRate, parseSize),
      },
    }
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(error.message) : error
  }
}

/** `127.0.0.1:8080`, `[::]:8080`. Throws ConfigError. */
function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  if (host !== undefined && port <= 65_535) return { host, port }
  throw new ConfigError(`--listen ${JSON.stringify(text)} is no address and port: 127.0.0.1:8080 and [::1]:8080 are`)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`
}
