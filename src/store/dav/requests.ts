import { abortedError } from '../../core/abort.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import { type Bytes, collect } from '../../core/source.ts'
import { connectionError } from '../common/connection-error.ts'
import { type Answer, drop, HttpClient, type HttpRequest } from '../common/http-client.ts'
import { statFrom } from '../common/http-headers.ts'
import { isAbsentStatus, statusError } from '../common/http-status.ts'
import { encodePath } from '../common/http-wire.ts'
import type { Stat } from '../store.ts'
import { asksForPassword, findAuthorization } from './authorization.ts'
import { Multistatus, PROPERTIES, type Resource } from './multistatus.ts'
import { isTop, parentOf } from './paths.ts'
import { pause } from './pause.ts'
import { CLAIM_STALE_MS, type DavSettings, parseRoot } from './root.ts'

/** A call under way. */
export interface DavCall {
  readonly op: string
  readonly where: string
  readonly signal: AbortSignal
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly mayChange?: (() => void) | undefined
}

type Ask = Pick<HttpRequest, 'method' | 'body' | 'content'> & Partial<Pick<HttpRequest, 'headers'>>

/** What a server tells of one file or directory takes less. Bytes. */
const MAX_LOOK = 256 * 1024

/**
 * Some servers lock a file for each request that changes it or its directory, and refuse the others
 * meanwhile (RFC 4918, section 11.3). They did not act, so the same is asked again.
 */
const LOCKED = 423
const LOCKED_TRIES = 100
const LOCKED_MS = 40

/** Sends requests to one WebDAV server, as whom it wants to see, and reads what it tells. */
export class DavRequests {
  readonly root: string
  readonly host: string
  /** See DavSettings. ms. */
  readonly claimStaleMs: number
  /** Of several who make a directory one does; undefined as long as that was not tried. */
  makesOnce: boolean | undefined
  readonly #client: HttpClient
  readonly #settings: DavSettings
  #authorization: string | undefined
  #finding: Promise<string | undefined> | undefined

  /** Throws ConfigError for a URL that is of no use. */
  constructor(settings: DavSettings) {
    const { origin, url } = parseRoot(settings.url)
    this.#settings = settings
    this.#client = new HttpClient(origin, () => this.#authorization, settings.git)
    this.claimStaleMs = settings.claimStaleMs ?? CLAIM_STALE_MS
    this.root = url
    this.host = new URL(origin).host
  }

  /** The URL of a path below the root. Throws `unsupported` for what no file can be named. */
  url(op: string, path: string): string {
    const url = path === '' ? this.root : `${this.root}/${encodePath(path)}`
    if (!path.includes('\0')) return url
    throw new StoreError({ kind: 'unsupported', op, where: url, message: 'a name has a zero byte', sent: 'no' })
  }

  /**
   * Sends a request, once more with a password when the server asks for one; with a body only the
   * caller can do so, who gets `transient`. Throws what HttpClient does.
   */
  async send(
    { op, where, signal }: DavCall,
    url: string,
    { method, headers = {}, body, content }: Ask,
  ): Promise<Answer> {
    const sent = this.#authorization
    const ask = async () => {
      for (let tries = 1; ; tries++) {
        const answer = await this.#client.request({ op, where, url, method, headers, body, content, signal })
        if (answer.status !== LOCKED || body !== undefined || tries === LOCKED_TRIES) return answer
        await drop(answer)
        await pause(LOCKED_MS * (0.5 + Math.random()), signal)
      }
    }
    const answer = await ask()
    if (sent !== undefined || !asksForPassword(answer)) return answer
    const { user, logins, env = process.env } = this.#settings
    const asked = { url: this.root, user, logins, env }
    this.#finding ??= findAuthorization(asked, { op, where, signal }).finally(() => {
      this.#finding = undefined
    })
    const found = await this.#finding
    if (found === undefined) return answer
    await drop(answer)
    this.#authorization = found
    if (body === undefined) return ask()
    const message = `${this.host} asks for a password, which is known now`
    throw new StoreError({ kind: 'transient', op, where, message, sent: 'no' })
  }

  /** Looks at a file or directory. Undefined when the server itself says that it is not there. */
  async look(call: DavCall, url: string): Promise<Resource | undefined> {
    const answer = await this.propfind(call, url, '0')
    if (answer === undefined) return undefined
    const body = await collect(answer.response as Bytes, MAX_LOOK).catch((error: unknown) => {
      throw this.#unreadable(call, error)
    })
    const [resource, ...others] = this.#read(call, () => {
      const multistatus = new Multistatus()
      const found = multistatus.write(body.toString())
      multistatus.close()
      return found
    })
    if (resource === undefined || others.length > 0) {
      throw this.refusal(call, `describes ${others.length + (resource ? 1 : 0)} things where one was asked for`)
    }
    const { status } = resource
    if (isAbsentStatus(status)) return undefined
    if (status === undefined || status > 299) throw statusError(call.op, call.where, this.host, status, undefined)
    return resource
  }

  /** As Store.stat has it: a directory is no file. */
  async stat(call: DavCall, url: string): Promise<Stat | undefined> {
    const resource = await this.look(call, url)
    return resource === undefined || resource.isCollection ? undefined : this.statOf(call, resource)
  }

  statOf(call: DavCall, { contentLength = '', etag, lastModified }: Resource): Stat {
    if (!/^\d+$/.test(contentLength)) throw this.refusal(call, 'does not say how long the file is')
    return statFrom({ etag, 'last-modified': lastModified }, Number(contentLength), this.host)
  }

  /** Asks for what is there. Undefined when the server says that nothing is. */
  async propfind(call: DavCall, url: string, depth: '0' | '1'): Promise<Answer | undefined> {
    const content = Buffer.from(PROPERTIES)
    const headers = { depth, 'content-type': 'application/xml; charset=utf-8' }
    const answer = await this.send(call, url, { method: 'PROPFIND', headers, content })
    if (answer.status === 207) return answer
    await drop(answer)
    if (answer.isDirectory && !url.endsWith('/')) return this.propfind(call, `${url}/`, depth)
    if (isAbsentStatus(answer.status)) return undefined
    if (answer.status === 400 && (await this.#isBelowFile(call, url))) return undefined
    if (answer.status < 300 || [405, 501].includes(answer.status)) {
      throw this.refusal(call, `is no WebDAV server at that path (it answers ${answer.status} to PROPFIND)`)
    }
    throw this.failed(call, answer)
  }

  /** Reads a listing as it comes. */
  async *resources(call: DavCall, answer: Answer): AsyncGenerator<Resource> {
    const multistatus = new Multistatus()
    const text = new TextDecoder()
    try {
      for await (const chunk of answer.response as AsyncIterable<Buffer>) {
        call.onProgress?.(0)
        yield* this.#read(call, () => multistatus.write(text.decode(chunk, { stream: true })))
      }
    } catch (error) {
      throw this.#unreadable(call, error)
    }
    this.#read(call, () => multistatus.close())
  }

  /** The error for an answer that is of no use. Its body has to be dropped before. */
  failed({ op, where }: DavCall, { host, status, response }: Answer): StoreError {
    const error = statusError(op, where, host, status, response.statusMessage)
    const notSent = status === 401 ? this.#settings.logins?.notSent : undefined
    if (notSent === undefined) return error
    return new StoreError({ kind: error.kind, op, where, message: `${error.reason}; ${notSent}` })
  }

  refusal({ op, where }: DavCall, what: string): StoreError {
    return new StoreError({ kind: 'unsupported', op, where, message: `${this.host} ${what}` })
  }

  /** Apache says of what would be below a file that the request is bad. */
  async #isBelowFile(call: DavCall, url: string): Promise<boolean> {
    const above = parentOf(url)
    if (isTop(above) || url === this.root) return false
    const found = await this.look(call, above)
    return found === undefined || !found.isCollection
  }

  #read<T>(call: DavCall, read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw this.refusal(call, `answers PROPFIND with what is no WebDAV (${messageOf(error)})`)
    }
  }

  #unreadable(call: DavCall, error: unknown): StoreError {
    const { op, where, signal } = call
    if (error instanceof StoreError) return error
    if (signal.aborted) return abortedError(op, where, signal)
    if (error instanceof RangeError) return this.refusal(call, `answers with ${error.message}`)
    const cause = new Error('the connection ended too soon', { cause: error })
    return connectionError(op, where, this.host, cause, this.#client.routeOf(this.host))
  }

  close(): void {
    this.#client.close()
  }
}
