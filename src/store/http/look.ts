import { packingByServer, refuseLoginPage, wholeLength } from '../common/http-answer.ts'
import { type Answer, drop } from '../common/http-client.ts'
import { statFrom, timeOf } from '../common/http-headers.ts'
import { type Fingerprint, KnownFiles } from '../common/http-identity.ts'
import { packedError } from '../common/http-packed.ts'
import { isAbsentStatus, statusError } from '../common/http-status.ts'
import { parseUnsatisfiedRange } from '../common/http-wire.ts'
import type { Stat } from '../store.ts'
import { lengthUnknown, refusesHead } from './refusals.ts'
import { FIRST_BYTE, type WebServer } from './server.ts'

/** Reads the first bytes of a file. Undefined when it is not there. */
type ReadHead = (path: string, bytes: number, signal: AbortSignal) => Promise<Fingerprint | undefined>

/** Whether files are there, how long they are, and whether they are those that were seen before. */
export class FileLooks {
  readonly #server: WebServer
  readonly #readHead: ReadHead
  readonly #known = new KnownFiles()
  /** Some servers do not know HEAD; such a one is asked for the first byte. */
  #hasHead = true

  constructor(server: WebServer, readHead: ReadHead) {
    this.#server = server
    this.#readHead = readHead
  }

  /**
   * Looks a file up, and asks for one that nobody has at the same time: a server that shows
   * something for everything has shown nothing.
   */
  async statProven(op: string, path: string, signal: AbortSignal): Promise<Stat | undefined> {
    const begun = this.#hasHead ? 'HEAD' : 'GET'
    const looking = this.stat(op, path, signal)
    const absence = this.#server.askForNothing(op, path, begun, begun === 'GET' ? FIRST_BYTE : {}, signal)
    const { stat, method } = await looking
    if (stat === undefined) return undefined
    // An answer to HEAD says nothing of what the server does with GET.
    const refusal = await (method === begun
      ? absence
      : this.#server.askForNothing(op, path, method, FIRST_BYTE, signal))
    if (refusal !== undefined) throw refusal
    return stat
  }

  /**
   * Undefined when the server says that it is not there; that it is there is not proven by this.
   */
  async stat(op: string, path: string, signal: AbortSignal) {
    const url = this.#server.url(path)
    const answer = await this.#askForStat(op, path, signal)
    await drop(answer)
    const told = this.#readStat(op, path, url, answer)
    return { method: answer.method, stat: told && (await this.recognize(path, answer, told, signal)) }
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
    const url = this.#server.url(path)
    let refusal: Answer | undefined
    if (this.#hasHead) {
      const answer = await this.#server.client.request({ op, url, method: 'HEAD', headers: {}, signal })
      if (refusesHead(answer.status)) refusal = answer
      else if (answer.status !== 200) return answer
      else if (wholeLength(answer) !== undefined && packingByServer(answer, path) === undefined) return answer
      await drop(answer)
    }
    const answer = await this.#server.client.request({ op, url, method: 'GET', headers: FIRST_BYTE, signal })
    if (refusal !== undefined && answer.status !== refusal.status) this.#hasHead = false
    return answer
  }

  /** What is told of a file, by the identity that it is known by. */
  recognize(
    path: string,
    { response: { headers } }: Answer,
    told: Stat,
    signal: AbortSignal,
    fingerprint?: Buffer,
  ): Promise<Stat> {
    const look = (bytes: number) => this.#readHead(path, bytes, signal)
    return this.#known.recognize(this.#server.url(path), told, timeOf(headers.date), look, fingerprint)
  }
}
