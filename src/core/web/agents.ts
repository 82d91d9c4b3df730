import * as http from 'node:http'
import * as https from 'node:https'
import type { GitConfig } from '../git-config.ts'
import { type Trust, trustFor, trustOfEnvironment } from './authorities.ts'
import { type Route, routeTo } from './route.ts'

export interface WebAgentsOptions {
  /** git's configuration, where there is one: for its proxies and authorities. */
  readonly git?: GitConfig | undefined
  /** For S3: AWS_CA_BUNDLE counts. Default false. */
  readonly aws?: boolean
  /** Connections to one server at once. Default: no limit. */
  readonly maxSockets?: number
  /** Authorities are needed for sure, so they are read at once. Default false. */
  readonly secure?: boolean
}

/** By what a server is asked. */
export interface WebAgent {
  readonly agent: http.Agent
  /** Undefined where no proxy is set. */
  readonly route: Route | undefined
}

/**
 * The one place that knows how web servers are reached: over connections that are kept alive,
 * through which proxy, and whose certificates are trusted. Certificates are always checked.
 */
export class WebAgents {
  readonly #options: WebAgentsOptions
  readonly #agents = new Map<string, Promise<WebAgent>>()
  readonly #routes = new Map<string, Route>()

  /** Throws ConfigError for authorities that cannot be read. */
  constructor(options: WebAgentsOptions = {}) {
    this.#options = options
    if (options.secure) trustOfEnvironment(this.#trustSources)
  }

  /** Throws ConfigError for a proxy or for authorities that cannot be used. */
  agentFor({ origin }: Pick<URL, 'origin'>): Promise<WebAgent> {
    let found = this.#agents.get(origin)
    if (found === undefined) {
      found = this.#make(new URL(origin))
      this.#agents.set(origin, found)
    }
    return found
  }

  /** How a server was asked, by its `host:port`. Undefined where no proxy is set. */
  routeOf(host: string): Route | undefined {
    return this.#routes.get(host)
  }

  /** An agent for https that finds out for each server how to reach it. */
  forHttps(): https.Agent {
    return new ChoosingAgent((origin) => this.agentFor({ origin }))
  }

  destroy(): void {
    for (const each of this.#agents.values()) each.then(({ agent }) => agent.destroy()).catch(() => {})
  }

  get #trustSources() {
    return { git: this.#options.git, aws: this.#options.aws ?? false }
  }

  async #make(url: URL): Promise<WebAgent> {
    const { git, maxSockets } = this.#options
    const route = await routeTo(url, { env: process.env, git })
    if (route !== undefined) this.#routes.set(url.host, route)
    const isSecure = url.protocol === 'https:'
    // Said here, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment has no effect.
    const trust: Trust & { rejectUnauthorized?: true } =
      isSecure || route?.proxy?.protocol === 'https:'
        ? { ...(await trustFor(url, this.#trustSources)), rejectUnauthorized: true }
        : {}
    const options = { keepAlive: true, ...(maxSockets !== undefined && { maxSockets }), ...trust }
    if (route?.proxy === undefined) {
      return { agent: isSecure ? new https.Agent(options) : new http.Agent(options), route }
    }
    const { makeProxyAgent } = await import('./proxy-agents.ts')
    return { agent: makeProxyAgent(route.proxy, isSecure, options), route }
  }
}

/** What node calls of an agent, as libraries that bring agents do too. */
interface Requesting {
  addRequest(request: http.ClientRequest, options: https.RequestOptions): void
}

class ChoosingAgent extends https.Agent implements Requesting {
  readonly #choose: (origin: string) => Promise<WebAgent>

  constructor(choose: (origin: string) => Promise<WebAgent>) {
    super({ keepAlive: true })
    this.#choose = choose
  }

  addRequest(request: http.ClientRequest, options: https.RequestOptions): void {
    const { host, port } = options
    this.#choose(new URL(`https://${host}:${port}`).origin).then(
      ({ agent }) => (agent as unknown as Requesting).addRequest(request, { ...options, ...SECURE }),
      (error: Error) => request.destroy(error),
    )
  }
}

/** Tells the agents of proxies what they cannot see. */
const SECURE = { secureEndpoint: true }
