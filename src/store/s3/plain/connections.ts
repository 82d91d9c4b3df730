import type { Agent as HttpsAgent } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { WebAgent } from '../../../core/web/agents.ts'
import { Connection, NotUnderstood, type RawAnswer, type RawRequest } from './connection.ts'

/** Connections to one server, kept for the next request. */
export class Connections {
  readonly #open: () => Socket
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()

  /** `trust`: whose certificates are taken, and more that TLS wants to know. */
  constructor({ protocol, hostname, port }: URL, trust: object) {
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const isSecure = protocol === 'https:'
    const to = { host, port: port === '' ? (isSecure ? 443 : 80) : Number(port), noDelay: true, keepAlive: true }
    const servername = isIP(host) === 0 ? host : ''
    this.#open = isSecure ? () => connectSecurely({ ...trust, ...to, servername }) : () => connect(to)
  }

  /** Undefined where a proxy stands between. */
  static to(endpoint: URL, { agent, route }: WebAgent): Connections | undefined {
    if (route?.proxy !== undefined) return undefined
    const { ca, secureContext, rejectUnauthorized } = (agent as HttpsAgent).options
    return new Connections(endpoint, { ca, secureContext, rejectUnauthorized })
  }

  /**
   * Sends a request. Rejects with NotUnderstood when it has to be sent in another way, which may be
   * the second time: so only for what may be done twice.
   */
  async send(request: RawRequest): Promise<RawAnswer> {
    if (request.signal.aborted) throw new Error('the call was given up') // nobody would be told of it later
    const kept = this.#takeKept()
    const connection = kept ?? this.#connect()
    try {
      return await connection.send(request)
    } catch (error) {
      // The server may have ended it just when the request left.
      if (kept === undefined || request.signal.aborted) throw error
      throw new NotUnderstood('a connection that was kept broke', { cause: error })
    }
  }

  /** A connection that nobody uses, which the caller uses for one request. */
  take(): Connection {
    return this.#takeKept() ?? this.#connect()
  }

  /** Ends all of them. */
  close(): void {
    for (const connection of this.#all) connection.destroy()
  }

  #takeKept(): Connection | undefined {
    let kept = this.#idle.pop()
    while (kept !== undefined && !kept.isOpen) kept = this.#idle.pop()
    return kept
  }

  #connect(): Connection {
    const socket = this.#open()
    const connection = new Connection(socket, (freed) => this.#idle.push(freed))
    this.#all.add(connection)
    socket.on('close', () => this.#all.delete(connection))
    return connection
  }
}
