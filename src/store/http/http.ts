import { StoreError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { bufferSource } from '../../core/source.ts'
import { Calls } from '../common/calls.ts'
import { packingByServer, rangeHeader, refuseLoginPage, wholeLength } from '../common/http-answer.ts'
import { bytesOf, DOES_NOT_SAY_LENGTH, deliverBody, lineOf } from '../common/http-body.ts'
import { type Answer, drop, HttpClient, type Method } from '../common/http-client.ts'
import { statFrom, timeOf } from '../common/http-headers.ts'
import { type Fingerprint, KnownFiles } from '../common/http-identity.ts'
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
import { failure, lengthUnknown, refuseOther, refusesHead } from './refusals.ts'
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
    const told = this.#readStat(op, path, url, answer)
    return { method: answer.method, stat: told && (await this.#recognize(path, answer, told, signal)) }
  }

  #readStat(op: string, path: string, url: string, answer: Answer): Stat | undefined {
    const { status, response, host } = answer
    if (isAbsentStatus(status) || answer.isDirectory) return undefined
    if (status === 416) {
      const size = parseUnsatisfiedRange(response.headers['content-range'])
      if (size !== undefined) return statFrom(response.headers, size, host)
    }
    if (status !== 200 && status !== 206) throw statusError(op, url, host, status, response.statusMessage)
    refuseLoginPage(op, url, answer)
    const packing = packingByServer(answer, path)
    if (packing !== undefined) throw packedError(op, url, host, packing)
    const size = wholeLength(answer)
    if (size === undefined) throw lengthUnknown(op, url, answer)
    return statFrom(response.headers, size, host)
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
    const { response } = answer
    try {
      if (answer.status === 416 && (range || this.#packsWholes)) {
        return await this.#getNothing(path, range ?? { start: 0 }, consume, options, signal)
      }
      const isLine = options.isLine === true && range === undefined && wholeLength(answer) === undefined
      const told = await this.#readAnswer(path, answer, isLine ? 0 : options.expectedSize, signal)
      if (isLine && told.doubt !== undefined) {
        const line = await lineOf({ url, answer, signal })
        await proof
        return await consume(bufferSource(line).open(), { ...told, size: line.length })
      }
      if (options.fingerprint && range?.end !== undefined) {
        const bytes = await bytesOf({ url, answer, range, stat: told, options, signal })
        const stat = await this.#recognize(path, answer, told, signal, bytes)
        refuseOther(url, stat, options)
        await proof
        return await consume(bufferSource(bytes).open(), stat)
      }
      const stat = await this.#recognize(path, answer, told, signal)
      refuseOther(url, stat, options)
      await proof
      await deliverBody({ url, answer, range, stat, consume, options, signal })
    } finally {
      if (!response.readableEnded) await drop(answer)
    }
  }

  /** What an answer that shows a file, or a part of it, says of the file. Throws for all others. */
  async #readAnswer(path: string, answer: Answer, size: number | undefined, signal: AbortSignal): Promise<Stat> {
    const url = this.#url(path)
    const { status, response, host } = answer
    if (isAbsentStatus(status) || answer.isDirectory) throw failure('missing', 'get', url, 'no such file')
    if (status !== 200 && status !== 206) throw statusError('get', url, host, status, response.statusMessage)
    refuseLoginPage('get', url, answer)
    const packing = packingByServer(answer, path)
    if (packing !== undefined) throw packedError('get', url, host, packing)
    const told = wholeLength(answer)
    if (told === undefined && status === 200 && size !== undefined) {
      return { ...statFrom(response.headers, size, host), doubt: `${host} ${DOES_NOT_SAY_LENGTH}` }
    }
    const length = told ?? (await this.#stat('get', path, signal)).stat?.size
    if (length === undefined) throw lengthUnknown('get', url, answer)
    return statFrom(response.headers, length, host)
  }

  /** Reads the first bytes of a file. Undefined when it is not there. */
  async #readHead(path: string, bytes: number, signal: AbortSignal): Promise<Fingerprint | undefined> {
    const url = this.#url(path)
    const range = { start: 0, end: bytes }
    const answer = await this.#request(path, rangeHeader(range), signal)
    try {
      if (isAbsentStatus(answer.status) || answer.isDirectory || answer.status === 416) return undefined
      const stat = await this.#readAnswer(path, answer, undefined, signal)
      if (stat.size < bytes) return undefined
      return { stat, bytes: await bytesOf({ url, answer, range, stat, options: {}, signal }) }
    } finally {
      if (!answer.response.readableEnded) await drop(answer)
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

  /** What is told of a file, by the identity that it is known by. */
  #recognize(
    path: string,
    { response: { headers } }: Answer,
    told: Stat,
    signal: AbortSignal,
    fingerprint?: Buffer,
  ): Promise<Stat> {
    const look = (bytes: number) => this.#readHead(path, bytes, signal)
    return this.#known.recognize(this.#url(path), told, timeOf(headers.date), look, fingerprint)
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
