import type * as http from 'node:http'
import type { AgentOptions } from 'node:https'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { SocksProxyAgent } from 'socks-proxy-agent'
import { ProxyRefusal } from './route.ts'

/**
 * Makes an agent whose connections go through a proxy: for https, and with SOCKS, through a tunnel
 * to the server; else the proxy is told the whole address. What a proxy says instead of making a
 * tunnel is an error, and no answer of the server's: its 404 would else be proof that a file is
 * absent.
 */
export function makeProxyAgent(proxy: URL, isSecure: boolean, options: AgentOptions): http.Agent {
  if (proxy.protocol.startsWith('socks')) return new SocksProxyAgent(proxy, options)
  if (!isSecure) return new HttpProxyAgent(proxy, options)
  const agent = new Tunnels(proxy, options)
  agent.on('proxyConnect', ({ statusCode, statusText = '' }: Connect, request: http.ClientRequest) => {
    if (statusCode === undefined || statusCode === 200) return
    request.destroy(new ProxyRefusal(proxy, statusCode, statusText))
  })
  return agent
}

/** The library forgets whom to trust at the far end of a tunnel. */
class Tunnels extends HttpsProxyAgent<string> {
  readonly #tls: AgentOptions

  constructor(proxy: URL, options: AgentOptions) {
    super(proxy, options)
    const { secureContext, rejectUnauthorized } = options
    this.#tls = { rejectUnauthorized, secureContext }
  }

  override connect(...[request, options]: Parameters<HttpsProxyAgent<string>['connect']>) {
    return super.connect(request, { ...options, ...this.#tls } as typeof options)
  }
}

interface Connect {
  readonly statusCode?: number
  readonly statusText?: string
}
