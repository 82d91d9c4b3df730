import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { Calls } from '../common/calls.ts'
import { packingByServer, rangeHeader, refuseLoginPage, wholeLength } from '../common/http-answer.ts'
import { deliverBody } from '../common/http-body.ts'
import { type Answer, drop, HttpClient, type Method } from '../common/http-client.ts'
import { statFrom, timeOf } from '../common/http-headers.ts'
import { KnownFiles } from '../common/http-identity.ts'
import { packedError } from '../common/http-packed.ts'
import { isAbsentStatus, statusError } from '../common/http-status.ts'
import { encodePath, noBytes, parseUnsatisfiedRange, tooShort } from '../common/http-wire.ts'
import type {
  ByteRange,
  CallOptions,
  Child,
  Consumer,
  Entry,
  ExecOptions,
  ExecResult,
  GetOptions,
  Stat,
  Store,
  StoreTraits,
} from '../store.ts'
import { askForNothing, nobodysNeighbour } from './guard.ts'
import { type HttpRoot, parseRoot } from './root.ts'

export interface HttpSettings {
  /** `http[s]://[user:password@]host[:port][/path]`, the store's root. */
  readonly url: string
  readonly git?: GitConfig | undefined
}

/**
 * A store that any web server shows, to be read only. Throws ConfigError when the URL is of no use.
 */
export function openHttpStore(settings: HttpSettings): Store {
  return new HttpStore(parseRoot(settings.url), settings.git)
}

class HttpStore implements Store {
  readonly traits: StoreTraits
  readonly #client: HttpClient
  readonly #calls = new Calls()
  readonly #known = new KnownFiles()
  /** Some servers do not know HEAD; such a one is asked for the first byte. */
  #hasHead = true
  /** It packs what is asked for as a whole, against our wish; a part it sends as it is. */
  #packsWholes = false

  constructor({ origin, root, authorization }: HttpRoot, git: GitConfig | undefined) {
    this.#client = new HttpClient(origin, () => authorization, git)
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
    return this.#calls.run('stat', url, options.signal, (call) => this.#statProven('stat', path, call.signal))
  }

  async statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const found: (Stat | undefined)[] = []
    for (const path of paths) found.push(await this.stat(path, options))
    return found
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const url = this.#url(path)
    return this.#calls.runGet(url, options.signal, (call) => this.#get(path, consume, options, call.signal))
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

  list(directory: string): AsyncGenerator<Entry> {
    return this.#listsNothing(directory)
  }

  children(directory: string): AsyncGenerator<Child> {
    return this.#listsNothing(directory)
  }

  // biome-ignore lint/correctness/useYield: there is nothing to give
  async *#listsNothing<T>(directory: string): AsyncGenerator<T> {
    const message = 'a web server does not list its files'
    throw new StoreError({ kind: 'unsupported', op: 'list', where: this.#url(directory), message, sent: 'no' })
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#client.close()
  }

  /**
   * Looks a file up, and asks for one that nobody has at the same time: a server that shows
   * something for everything has shown nothing.
   */
  async #statProven(op: string, path: string, signal: AbortSignal): Promise<Stat | undefined> {
    const begun = this.#hasHead ? 'HEAD' : 'GET'
    const looking = this.#stat(op, path, signal)
    const absence = this.#askForNothing(op, path, begun, begun === 'GET' ? FIRST_BYTE : {}, signal)
    const { stat, method } = await looking
    if (stat === undefined) return undefined
    // An answer to HEAD says nothing of what the server does with GET.
    const refusal = await (method === begun ? absence : this.#askForNothing(op, path, method, FIRST_BYTE, signal))
    if (refusal !== undefined) throw refusal
    return stat
  }

  /**
   * Undefined when the server says that it is not there; that it is there is not proven by this.
   */
  async #stat(op: string, path: string, signal: AbortSignal) {
    const url = this.#url(path)
    const answer = await this.#askForStat(op, path, signal)
    await drop(answer)
    return { method: answer.method, stat: this.#readStat(op, path, url, answer) }
  }

  #readStat(op: string, path: string, url: string, answer: Answer): Stat | undefined {
    const { status, response, host } = answer
    if (isAbsentStatus(status) || answer.isDirectory) return undefined
    if (status === 416) {
      const size = parseUnsatisfiedRange(response.headers['content-range'])
      if (size !== undefined) return this.#statFrom(url, answer, size)
    }
    if (status !== 200 && status !== 206) throw statusError(op, url, host, status, response.statusMessage)
    refuseLoginPage(op, url, answer)
    const packing = packingByServer(answer, path)
    if (packing !== undefined) throw packedError(op, url, host, packing)
    const size = wholeLength(answer)
    if (size === undefined) throw lengthUnknown(op, url, answer)
    return this.#statFrom(url, answer, size)
  }

  async #askForStat(op: string, path: string, signal: AbortSignal): Promise<Answer> {
    const url = this.#url(path)
    let refusal: Answer | undefined
    if (this.#hasHead) {
      const answer = await this.#client.request({ op, url, method: 'HEAD', headers: {}, signal })
      if (refusesHead(answer.status)) refusal = answer
      else if (answer.status !== 200) return answer
      else if (wholeLength(answer) !== undefined && packingByServer(answer, path) === undefined) return answer
      await drop(answer)
    }
    const answer = await this.#client.request({ op, url, method: 'GET', headers: FIRST_BYTE, signal })
    if (refusal !== undefined && answer.status !== refusal.status) this.#hasHead = false
    return answer
  }

  /**
   * Asks for a file that nobody has, like the one at `path`. Whoever does not wait for the answer
   * need not.
   */
  #askForNothing(
    op: string,
    path: string,
    method: Method,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<StoreError | undefined> {
    const url = this.#url(nobodysNeighbour(path))
    const asked = askForNothing(this.#client, { op, url, method, headers, signal }, this.#url(path))
    asked.catch(() => {})
    return asked
  }

  async #get(path: string, consume: Consumer, options: GetOptions, signal: AbortSignal): Promise<void> {
    const asked = typeof options.range === 'function' ? options.range() : options.range
    const range = asked?.start === 0 && asked.end === undefined ? undefined : asked
    if (range?.end !== undefined && range.end <= range.start) {
      return this.#getNothing(path, range, consume, options, signal)
    }
    const url = this.#url(path)
    const headers = range === undefined ? (this.#packsWholes ? FROM_FIRST_BYTE : {}) : rangeHeader(range)
    const requested = this.#request(path, headers, signal)
    // What was found to be there, with an identity, need not be proven once more by each of its
    // parts.
    const proof = options.ifMatch === undefined ? this.#askForNothing('get', path, 'GET', headers, signal) : undefined
    const answer = await requested
    const { status, response, host } = answer
    try {
      if (isAbsentStatus(status) || answer.isDirectory) throw failure('missing', 'get', url, 'no such file')
      if (status === 416 && (range || this.#packsWholes)) {
        return await this.#getNothing(path, range ?? { start: 0 }, consume, options, signal)
      }
      if (status !== 200 && status !== 206) throw statusError('get', url, host, status, response.statusMessage)
      refuseLoginPage('get', url, answer)
      const packing = packingByServer(answer, path)
      if (packing !== undefined) throw packedError('get', url, host, packing)
      const size = wholeLength(answer) ?? (await this.#stat('get', path, signal)).stat?.size
      if (size === undefined) throw lengthUnknown('get', url, answer)
      const stat = this.#statFrom(url, answer, size)
      refuseOther(url, stat, options)
      await proof
      await deliverBody({ url, answer, range, stat, consume, options, signal })
    } finally {
      if (!response.readableEnded) await drop(answer)
    }
  }

  /** Asks for a file or a part of it, for a file once more as for a part when it came packed. */
  async #request(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    const request = { op: 'get', url: this.#url(path), method: 'GET', signal } as const
    const answer = await this.#client.request({ ...request, headers })
    if (answer.status !== 200 || 'range' in headers || packingByServer(answer, path) === undefined) return answer
    await drop(answer)
    this.#packsWholes = true
    return this.#client.request({ ...request, headers: FROM_FIRST_BYTE })
  }

  /** For a range that has no bytes, which a request cannot ask for. */
  async #getNothing(
    path: string,
    range: ByteRange,
    consume: Consumer,
    options: GetOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const url = this.#url(path)
    const stat = await this.#statProven('get', path, signal)
    if (stat === undefined) throw failure('missing', 'get', url, 'no such file')
    refuseOther(url, stat, options)
    if (range.start > stat.size || (range.end ?? 0) > stat.size) throw tooShort('get', url, stat)
    await consume(noBytes(), stat)
  }

  #statFrom(url: string, { host, response: { headers } }: Answer, size: number): Stat {
    return this.#known.recognize(url, statFrom(headers, size, host), timeOf(headers.date))
  }

  #url(path: string): string {
    return path === '' ? this.traits.root : `${this.traits.root}/${encodePath(path)}`
  }

  #readOnly(op: string, path: string): StoreError {
    const message = 'a store behind http is read-only'
    return new StoreError({ kind: 'unsupported', op, where: this.#url(path), message, sent: 'no' })
  }
}

const FIRST_BYTE = rangeHeader({ start: 0, end: 1 })
const FROM_FIRST_BYTE = rangeHeader({ start: 0 })

/**
 * Whether an answer to HEAD may be about HEAD itself: some servers, and what stands before them,
 * refuse it with a status that says nothing of that. To be asked for a part is another matter.
 */
function refusesHead(status: number): boolean {
  const isAboutFile = isAbsentStatus(status) || [401, 407, 408, 425, 429].includes(status)
  return status === 501 || (status >= 400 && status < 500 && !isAboutFile)
}

function lengthUnknown(op: string, url: string, { host, response }: Answer): StoreError {
  const message = `${host} does not say how long the file is (HTTP/${response.httpVersion} without a Content-Length)`
  return failure('unsupported', op, url, message)
}

function refuseOther(url: string, stat: Stat, { ifMatch }: GetOptions): void {
  // Compared here, not by If-Match: servers ignore it for weak ETags, and some refuse every quoted
  // one.
  if (ifMatch !== undefined && ifMatch !== stat.identity) {
    throw failure('conflict', 'get', url, 'the file was replaced meanwhile')
  }
}

function failure(kind: StoreErrorKind, op: string, where: string, message: string): StoreError {
  return new StoreError({ kind, op, where, message })
}
