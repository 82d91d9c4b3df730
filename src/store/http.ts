import { StoreError, type StoreErrorKind } from '../core/errors.ts'
import { Calls } from './calls.ts'
import { deliverBody, noBytes } from './http-body.ts'
import { type Answer, drop, HttpClient } from './http-client.ts'
import { isAbsentStatus, statusError } from './http-errors.ts'
import { contentLength, parseContentRange, parseUnsatisfiedRange, statFrom } from './http-headers.ts'
import { encodePath, type HttpRoot, parseRoot } from './http-url.ts'
import type {
  ByteRange,
  CallOptions,
  Consumer,
  Entry,
  ExecOptions,
  ExecResult,
  GetOptions,
  Stat,
  Store,
  StoreTraits,
} from './store.ts'

export interface HttpSettings {
  /** `http[s]://[user:password@]host[:port][/path]`, the store's root. */
  readonly url: string
}

/** A store that any web server shows, to be read only. Throws ConfigError when the URL is of no use. */
export function openHttpStore(settings: HttpSettings): Store {
  return new HttpStore(parseRoot(settings.url))
}

class HttpStore implements Store {
  readonly traits: StoreTraits
  readonly #client: HttpClient
  readonly #calls = new Calls()
  /** Some servers do not know HEAD; such a one is asked for the first byte. */
  #hasHead = true

  constructor({ origin, root, authorization }: HttpRoot) {
    this.#client = new HttpClient(origin, authorization)
    this.traits = {
      root,
      local: false,
      writable: false,
      rangeReads: true,
      putIfAbsent: 'none',
      maxInFlight: 16,
      looksTogether: false,
      exec: false,
    }
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    const url = this.#url(path)
    return this.#calls.run('stat', url, options.signal, (call) => this.#stat('stat', url, call.signal))
  }

  async statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const found: (Stat | undefined)[] = []
    for (const path of paths) found.push(await this.stat(path, options))
    return found
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const url = this.#url(path)
    return this.#calls.runGet(url, options.signal, (call) => this.#get(url, consume, options, call.signal))
  }

  put(path: string): Promise<Stat> {
    return Promise.reject(this.#readOnly('put', path))
  }

  remove(path: string): Promise<void> {
    return Promise.reject(this.#readOnly('remove', path))
  }

  append(path: string): Promise<void> {
    return Promise.reject(this.#readOnly('append', path))
  }

  move(from: string): Promise<void> {
    return Promise.reject(this.#readOnly('move', from))
  }

  async freeBytes(): Promise<undefined> {
    return undefined
  }

  exec(_command: readonly string[], { cwd }: ExecOptions): Promise<ExecResult> {
    return Promise.reject(failure('unsupported', 'exec', this.#url(cwd), 'a web server runs no programs for us'))
  }

  // biome-ignore lint/correctness/useYield: there is nothing to give
  async *list(directory: string): AsyncGenerator<Entry> {
    const message = 'a web server does not list its files'
    throw new StoreError({ kind: 'unsupported', op: 'list', where: this.#url(directory), message, sent: 'no' })
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#client.close()
  }

  async #stat(op: string, url: string, signal: AbortSignal): Promise<Stat | undefined> {
    const answer = await this.#askForStat(op, url, signal)
    const { status, response, host } = answer
    await drop(answer)
    if (isAbsentStatus(status) || answer.isDirectory) return undefined
    if (status === 416) {
      const size = parseUnsatisfiedRange(response.headers['content-range'])
      if (size !== undefined) return statFrom(response.headers, size)
    }
    if (status !== 200 && status !== 206) throw statusError(op, url, host, status, response.statusMessage)
    refuseLoginPage(op, url, answer)
    const size = wholeLength(answer)
    if (size === undefined) throw failure('unsupported', op, url, `${host} does not say how long the file is`)
    return statFrom(response.headers, size)
  }

  async #askForStat(op: string, url: string, signal: AbortSignal): Promise<Answer> {
    if (this.#hasHead) {
      const answer = await this.#client.request({ op, url, method: 'HEAD', headers: {}, signal })
      const unknown = answer.status === 405 || answer.status === 501
      if (unknown) this.#hasHead = false
      else if (answer.status !== 200 || wholeLength(answer) !== undefined) return answer
      await drop(answer)
    }
    return this.#client.request({ op, url, method: 'GET', headers: { range: 'bytes=0-0' }, signal })
  }

  async #get(url: string, consume: Consumer, options: GetOptions, signal: AbortSignal): Promise<void> {
    const asked = typeof options.range === 'function' ? options.range() : options.range
    const range = asked?.start === 0 && asked.end === undefined ? undefined : asked
    if (range?.end !== undefined && range.end <= range.start) {
      return this.#getNothing(url, range, consume, options, signal)
    }
    const headers = range && { range: `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` }
    const answer = await this.#client.request({ op: 'get', url, method: 'GET', headers: { ...headers }, signal })
    const { status, response, host } = answer
    try {
      if (isAbsentStatus(status) || answer.isDirectory) throw failure('missing', 'get', url, 'no such file')
      if (status === 416 && range) return await this.#getNothing(url, range, consume, options, signal)
      if (status !== 200 && status !== 206) throw statusError('get', url, host, status, response.statusMessage)
      refuseLoginPage('get', url, answer)
      const size = wholeLength(answer) ?? (await this.#stat('get', url, signal))?.size
      if (size === undefined) throw failure('unsupported', 'get', url, `${host} does not say how long the file is`)
      const stat = statFrom(response.headers, size)
      refuseOther(url, stat, options)
      await deliverBody({ url, answer, range, stat, consume, options, signal })
    } finally {
      if (!response.readableEnded) await drop(answer)
    }
  }

  /** For a range that has no bytes, which a request cannot ask for. */
  async #getNothing(
    url: string,
    range: ByteRange,
    consume: Consumer,
    options: GetOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const stat = await this.#stat('get', url, signal)
    if (stat === undefined) throw failure('missing', 'get', url, 'no such file')
    refuseOther(url, stat, options)
    if (range.start > stat.size || (range.end ?? 0) > stat.size) {
      throw failure('corrupt', 'get', url, `the file has ${stat.size} bytes only`)
    }
    await consume(noBytes(), stat)
  }

  #url(path: string): string {
    return path === '' ? this.traits.root : `${this.traits.root}/${encodePath(path)}`
  }

  #readOnly(op: string, path: string): StoreError {
    const message = 'a store behind http is read-only'
    return new StoreError({ kind: 'unsupported', op, where: this.#url(path), message, sent: 'no' })
  }
}

/** The length of the whole file, where the answer says it. */
function wholeLength({ status, response }: Answer): number | undefined {
  if (status === 206) return parseContentRange(response.headers['content-range'])?.total
  return contentLength(response.headers)
}

/** A server that sends everybody to its login page answers 200 for what it does not have. */
function refuseLoginPage(op: string, url: string, { redirected, host, response }: Answer): void {
  const isPage = /^text\/html\b/i.test(response.headers['content-type'] ?? '')
  if (redirected && isPage && !/\.x?html?$/i.test(url)) {
    throw failure('denied', op, url, `redirected to a web page of ${host} (a login?)`)
  }
}

function refuseOther(url: string, stat: Stat, { ifMatch }: GetOptions): void {
  // Compared here, not by If-Match: servers ignore it for weak ETags, and some refuse every quoted one.
  if (ifMatch !== undefined && ifMatch !== stat.identity) {
    throw failure('conflict', 'get', url, 'the file was replaced meanwhile')
  }
}

function failure(kind: StoreErrorKind, op: string, where: string, message: string): StoreError {
  return new StoreError({ kind, op, where, message })
}
