import { bufferSource } from '../../core/source.ts'
import { packingByServer, rangeHeader, refuseLoginPage, wholeLength } from '../common/http-answer.ts'
import { bytesOf, DOES_NOT_SAY_LENGTH, deliverBody, lineOf } from '../common/http-body.ts'
import { type Answer, drop } from '../common/http-client.ts'
import { statFrom } from '../common/http-headers.ts'
import type { Fingerprint } from '../common/http-identity.ts'
import { packedError } from '../common/http-packed.ts'
import { isAbsentStatus, statusError } from '../common/http-status.ts'
import { noBytes, tooShort } from '../common/http-wire.ts'
import type { ByteRange, Consumer, GetOptions, Stat } from '../store.ts'
import type { FileLooks } from './look.ts'
import { failure, lengthUnknown, refuseOther } from './refusals.ts'
import type { WebServer } from './server.ts'

/** Reads files, and parts of them. */
export class FileReads {
  readonly #server: WebServer
  readonly #looks: FileLooks

  constructor(server: WebServer, looks: FileLooks) {
    this.#server = server
    this.#looks = looks
  }

  async get(path: string, consume: Consumer, options: GetOptions, signal: AbortSignal): Promise<void> {
    const asked = typeof options.range === 'function' ? options.range() : options.range
    const range = asked?.start === 0 && asked.end === undefined ? undefined : asked
    if (range?.end !== undefined && range.end <= range.start) {
      return this.#getNothing(path, range, consume, options, signal)
    }
    const url = this.#server.url(path)
    const headers = range === undefined ? this.#server.headersForWhole : rangeHeader(range)
    const requested = this.#server.request(path, headers, signal)
    // What was found to be there, with an identity, need not be proven once more by each of its
    // parts.
    const proof =
      options.ifMatch === undefined ? this.#server.askForNothing('get', path, 'GET', headers, signal) : undefined
    const answer = await requested
    const { response } = answer
    try {
      if (answer.status === 416 && (range || this.#server.packsWholes)) {
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
        const stat = await this.#looks.recognize(path, answer, told, signal, bytes)
        refuseOther(url, stat, options)
        await proof
        return await consume(bufferSource(bytes).open(), stat)
      }
      const stat = await this.#looks.recognize(path, answer, told, signal)
      refuseOther(url, stat, options)
      await proof
      await deliverBody({ url, answer, range, stat, consume, options, signal })
    } finally {
      if (!response.readableEnded) await drop(answer)
    }
  }

  /** What an answer that shows a file, or a part of it, says of the file. Throws for all others. */
  async #readAnswer(path: string, answer: Answer, size: number | undefined, signal: AbortSignal): Promise<Stat> {
    const url = this.#server.url(path)
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
    const length = told ?? (await this.#looks.stat('get', path, signal)).stat?.size
    if (length === undefined) throw lengthUnknown('get', url, answer)
    return statFrom(response.headers, length, host)
  }

  /** Reads the first bytes of a file. Undefined when it is not there. */
  async readHead(path: string, bytes: number, signal: AbortSignal): Promise<Fingerprint | undefined> {
    const url = this.#server.url(path)
    const range = { start: 0, end: bytes }
    const answer = await this.#server.request(path, rangeHeader(range), signal)
    try {
      if (isAbsentStatus(answer.status) || answer.isDirectory || answer.status === 416) return undefined
      const stat = await this.#readAnswer(path, answer, undefined, signal)
      if (stat.size < bytes) return undefined
      return { stat, bytes: await bytesOf({ url, answer, range, stat, options: {}, signal }) }
    } finally {
      if (!answer.response.readableEnded) await drop(answer)
    }
  }

  /** For a range that has no bytes, which a request cannot ask for. */
  async #getNothing(
    path: string,
    range: ByteRange,
    consume: Consumer,
    options: GetOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const url = this.#server.url(path)
    const stat = await this.#looks.statProven('get', path, signal)
    if (stat === undefined) throw failure('missing', 'get', url, 'no such file')
    refuseOther(url, stat, options)
    if (range.start > stat.size || (range.end ?? 0) > stat.size) throw tooShort('get', url, stat)
    await consume(noBytes(), stat)
  }
}
