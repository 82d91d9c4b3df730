import { ConfigError } from '../errors.ts'
import type { GitConfig } from '../git-config.ts'
import { isExcluded, isThisComputer } from './no-proxy.ts'
import { hasHttpSetting, httpSetting } from './url-match.ts'

/** How a web server is reached where a proxy is set, whether or not for it. */
export interface Route {
  /** With its credentials, if it has any; undefined: it is not asked. */
  readonly proxy: URL | undefined
  /** For messages, without secrets: which proxy it is, or why none is asked. */
  readonly words: string
}

export interface RouteSources {
  readonly env: NodeJS.ProcessEnv
  readonly git: GitConfig | undefined
}

const SCHEMES = ['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:']

/** Whether a proxy is set anywhere, for whatever. */
export function isProxySet({ env, git }: RouteSources): boolean {
  return VARIABLES.some((name) => env[name]) || hasHttpSetting(git, 'proxy')
}

const VARIABLES = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'] as const

/**
 * Decides by which way a URL is asked for, as git does: by `http.<url>.proxy` or `http.proxy` of
 * git's configuration, else by the environment, and directly where `no_proxy` says so. Undefined
 * where no proxy is set at all. Throws ConfigError for a proxy that cannot be used.
 */
export async function routeTo(url: URL, sources: RouteSources): Promise<Route | undefined> {
  if (!isProxySet(sources)) return undefined
  const { env, git } = sources
  const direct = (why: string): Route => ({ proxy: undefined, words: `directly: ${why}` })
  if (isThisComputer(url.hostname)) return direct('no proxy is asked for this computer')
  const configured = await httpSetting(git, 'proxy', url)
  const found = configured === undefined ? ofEnvironment(url, env) : { from: 'http.proxy', value: configured }
  if (found === undefined) {
    const set = VARIABLES.filter((name) => env[name])
    return direct(`${set.join(', ') || 'http.<url>.proxy'} is not for it`)
  }
  const { from, value } = found
  if (value === '') return direct(`${from} is empty`)
  const list = env.no_proxy === undefined ? 'NO_PROXY' : 'no_proxy'
  if (isExcluded(env[list] ?? '', url)) return direct(`${list} has it, so the proxy of ${from} is not asked`)
  const proxy = parseProxy(from, value)
  return { proxy, words: `through the proxy ${proxy.protocol}//${proxy.host} of ${from}` }
}

function ofEnvironment(url: URL, env: NodeJS.ProcessEnv) {
  const own = `${url.protocol.slice(0, -1)}_proxy`
  for (const from of [own, own.toUpperCase(), 'all_proxy', 'ALL_PROXY']) {
    // A web server that runs a program sets HTTP_PROXY as whoever asks it wants (httpoxy).
    if (from === 'HTTP_PROXY' && env.REQUEST_METHOD !== undefined) continue
    const { [from]: value } = env
    if (value) return { from, value }
  }
  return undefined
}

/** Never shows the value: it may hold a password. */
function parseProxy(from: string, value: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const proxy = URL.canParse(text) ? new URL(text) : undefined
  if (proxy === undefined || proxy.hostname === '' || !SCHEMES.includes(proxy.protocol)) {
    const known = SCHEMES.map((scheme) => scheme.slice(0, -1)).join(', ')
    throw new ConfigError(
      `${from} names no proxy that can be used: <scheme>://host:port, where <scheme> is of ${known}`,
    )
  }
  return proxy
}

/** The proxy itself answered that it makes no connection for us: no answer of the server's. */
export class ProxyRefusal extends Error {
  override readonly name = 'ProxyRefusal'
  readonly status: number

  constructor(proxy: URL, status: number, phrase: string) {
    const hint = status === 407 ? ': it wants a user and a password, http://user:password@host:port' : ''
    super(`the proxy ${proxy.host} answers ${`${status} ${phrase}`.trim()}${hint}`)
    this.status = status
  }
}

export function isProxyRefusal(error: unknown): error is ProxyRefusal {
  return error instanceof ProxyRefusal
}
