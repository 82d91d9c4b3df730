import type { IncomingMessage, ServerResponse } from 'node:http'
import type { DatasetViews } from './dataset-views.ts'
import { Exchange } from './exchange.ts'
import { NotLetInError } from './failures.ts'
import { type Asked, Gate, type GateOptions, type Reader } from './gate.ts'
import { type Admitted, type ClientLimits, Limits } from './limits.ts'
import { Metrics } from './metrics.ts'
import { requirePath } from './require-path.ts'
import { Turns } from './turns.ts'
import { type Views, ViewsFor } from './views.ts'

/** Who asked for what, and what was answered. */
export interface Access {
  /** The address of the client, or of the proxy before us. */
  readonly client: string
  /** Who that was: a user, or `token:` and the name of a token. */
  readonly user?: string | undefined
  readonly method: string
  /** The path as it was sent, without what stands behind a `?`. */
  readonly target: string
  /** What was answered; 0 when the client was gone before. */
  readonly status: number
  /** Of the body that was sent. */
  readonly bytes: number
  /** Why it failed, in one line. */
  readonly failure?: string | undefined
}

export interface ServeOptions extends GateOptions {
  /** Where indices of archives are kept. */
  readonly cacheDirectory: string | undefined
  /**
   * Names to which we answer, in lower case, besides this computer's own; undefined: to whatever
   * name leads here.
   */
  readonly hosts: ReadonlySet<string> | undefined
  /** For each client. */
  readonly limits?: ClientLimits | undefined
  readonly onAccess: (access: Access) => void
}

/** What everybody may ask who reaches us: it says that we are there, and no more. */
const FOR_ALL: ReadonlySet<string> = new Set(['healthz', 'ria-layout-version'])

/** Takes requests: who asks, what they may have and how much of it, and what is told of it. */
export class Desk {
  readonly metrics = new Metrics()
  readonly turns = new Turns()
  readonly #options: ServeOptions
  readonly #gate: Gate
  readonly #limits: Limits
  readonly #views: ViewsFor
  /** What all answers say. */
  readonly headers: Readonly<Record<string, string>>

  constructor(all: DatasetViews, options: ServeOptions) {
    this.#options = options
    this.#gate = new Gate(options)
    this.#limits = new Limits(options.limits ?? {})
    this.#views = new ViewsFor(all)
    const said = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' }
    this.headers = this.#gate.isGuarded ? { ...said, Vary: 'Authorization' } : said
  }

  /** Has `send` answer a request that may be answered. Never rejects. */
  async answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    methods: readonly string[],
    send: (exchange: Exchange, path: readonly string[], views: Views) => Promise<void>,
  ): Promise<void> {
    const exchange = new Exchange(incoming, outgoing)
    let failure: string | undefined
    let reader: Reader | undefined
    this.metrics.begin()
    outgoing.once('close', () => {
      const { sentBytes: bytes, path: target } = exchange
      const status = outgoing.headersSent ? outgoing.statusCode : 0
      const client = reader?.client ?? incoming.socket.remoteAddress ?? ''
      this.tell({ client, user: reader?.name, method: incoming.method ?? '', target, status, bytes, failure })
    })
    for (const [name, value] of Object.entries(this.headers)) outgoing.setHeader(name, value)
    try {
      await this.turns.next()
      if (exchange.signal.aborted) return // the client is gone
      const path = requirePath(exchange, methods, this.#options.hosts)
      if (path === undefined) return
      reader = await this.admit(incoming)
      const admitted = this.enter(reader)
      if (typeof admitted === 'number') return exchange.refuse(TOO_MUCH, admitted)
      outgoing.once('close', admitted.leave)
      exchange.bandwidth = admitted.bandwidth
      await admitted.bandwidth.pass(0, exchange.signal) // for what the last answer ended with
      await send(exchange, path, this.viewsOf(path.join('/'), reader))
    } catch (error) {
      failure = exchange.fail(error)
    }
  }

  /** Who asks. Throws NotLetInError. */
  admit(asked: Asked): Promise<Reader> {
    return this.#gate.admit(asked)
  }

  /** Counts a request of a client, as `Limits.enter` does. */
  enter({ name, client }: Reader): Admitted | number {
    return this.#limits.enter(name ?? client)
  }

  /** Tells of a request that is over, and was begun in `metrics`. */
  tell(access: Access): void {
    this.metrics.end(access.status, access.bytes)
    this.#options.onAccess(access)
  }

  /** What a reader may know of a path. Throws NotLetInError. */
  viewsOf(path: string, { name, datasets }: Reader): Views {
    const refusal = name === undefined ? 401 : 403
    // Lists would be empty, and numbers tell of what others do.
    const isForNobody = datasets.length === 0 && !FOR_ALL.has(path)
    if (isForNobody || (path === 'metrics' && !datasets.includes('*'))) throw new NotLetInError(refusal)
    return this.#views.reader(datasets, refusal)
  }
}

const TOO_MUCH = { status: 429, message: 'this client has asked for too much at once' } as const
