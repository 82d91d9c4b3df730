import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import { isText } from '../../core/text.ts'
import type { CallOptions, GetSmallOptions, SmallFile } from '../store.ts'
import { type Again, S3Connection, type S3Settings } from './client.ts'
import { notS3, refusalOf, type S3Server, s3Error } from './errors.ts'
import { withCompanion } from './middleware.ts'
import type { Body } from './plain/answer-body.ts'
import { plainPath } from './plain/request.ts'

/** One call to a store, of which a request is a part. */
export interface S3Call {
  readonly op: string
  readonly where: string
  readonly signal: AbortSignal
  /** Called when the server shows in the middle of a long step that it is at work. */
  readonly onSign?: (() => void) | undefined
  /** The caller's, as CallOptions has it. */
  readonly onSilence?: CallOptions['onSilence'] | undefined
  /**
   * As CallOptions has it: called before each request is sent, be it one that changes something or
   * not.
   */
  readonly mayChange?: (() => void) | undefined
}

interface Answer {
  readonly $metadata: { readonly httpStatusCode?: number | undefined; readonly requestId?: string | undefined }
}

interface Command<T> {
  readonly input: object
  resolveMiddleware(...setup: never[]): (command: never) => Promise<{ readonly output: T }>
}

/**
 * So long a server may be silent while it puts an object together or copies one: it answers when
 * the object is there, and large ones take minutes. ms.
 */
const ASSEMBLY_SILENCE_MS = 10 * 60 * 1000

/**
 * So long after an answer that only a bucket that is there can give, a 404 without a body is
 * believed. ms.
 */
const PROOF_MS = 10_000

const WATCHDOG_MARGIN_MS = 60_000

/** Gives up the content of an answer, whatever becomes of it. */
export function dropBody(body: unknown): void {
  const stream = body as Body | undefined
  stream?.on('error', () => {})
  stream?.destroy()
}

/** The requests of a store: sent, checked to come from an S3 server, their errors translated. */
export class S3Calls {
  readonly bucket: string
  readonly root: string
  /** Does a part of a call, again if that may help. */
  readonly again: Again
  readonly #host: string
  readonly #prefix: string
  readonly #connection: S3Connection
  readonly #unsigned: string | undefined
  #provenAt = Number.NEGATIVE_INFINITY
  readonly #unfinished = new Set<Promise<unknown>>()
  /**
   * The server gave an error in S3's words, though it names no request ids: those that do need no
   * other proof.
   */
  #speaksS3 = false
  readonly #assemblySilenceMs: number
  /**
   * The server takes content with a checksum only, as it does for a bucket that locks its objects.
   */
  wantsChecksums = false

  constructor(settings: S3Settings) {
    const { endpoint, bucket, prefix = '', again = (_call, work) => work() } = settings
    this.again = again
    this.#assemblySilenceMs = settings.assemblySilenceMs ?? ASSEMBLY_SILENCE_MS
    const { host, protocol } = new URL(endpoint)
    this.bucket = bucket
    this.#host = host
    this.root = `s3+${protocol}//${host}/${bucket}${prefix && `/${prefix}`}`
    this.#prefix = prefix && `${prefix}/`
    this.#connection = new S3Connection(settings)
    this.#unsigned = settings.unsigned
  }

  get server(): S3Server {
    const { anonymous, route } = this.#connection
    return { host: this.#host, bucket: this.bucket, anonymous, unsigned: this.#unsigned, route }
  }

  where(path: string): string {
    return path === '' ? this.root : `${this.root}/${path}`
  }

  /** The object key of a path. Throws `unsupported` for what S3 cannot name: keys are UTF-8. */
  key(op: string, path: string): string {
    if (path === '' || !isText(path)) {
      const message = path === '' ? 'the root of the store is no file' : 'its name is not UTF-8, which S3 needs'
      throw new StoreError({ kind: 'unsupported', op, where: this.where(path), message, sent: 'no' })
    }
    return `${this.#prefix}${path}`
  }

  /** What all object keys below a directory begin with. */
  keyPrefix(directory: string): string {
    return directory === '' ? this.#prefix : `${this.key('list', directory)}/`
  }

  /** The path of an object key that a listing gave. */
  pathOf(key: string): string {
    return key.slice(this.#prefix.length)
  }

  /** Sends a request. Throws StoreError. */
  async send<T extends Answer>(call: S3Call, command: Command<T>): Promise<T> {
    try {
      const answer = await this.sendRaw(call, command)
      await this.confirm(call, answer)
      return answer
    } catch (error) {
      throw s3Error(call.op, call.where, this.server, error, call.signal)
    }
  }

  /** Does something with the client that sends no request. Throws StoreError. */
  async prepare<T>({ op, where, signal }: S3Call, work: (client: S3Client) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#connection.client())
    } catch (error) {
      throw s3Error(op, where, this.server, error, signal)
    }
  }

  /** Sends a request. What it throws is the SDK's. */
  async sendRaw<T>({ signal, mayChange }: S3Call, command: Command<T>): Promise<T> {
    return this.#connection.send(command, { signal, mayChange }) as Promise<T>
  }

  /** As Store has it. */
  async getSmall({ signal }: S3Call, files: readonly SmallFile[], options: GetSmallOptions): Promise<void> {
    const objects = files.map(({ path, size }) => ({ path: plainPath(this.bucket, this.key('get', path)), size }))
    try {
      const plain = await this.#connection.plain()
      await plain?.getSmall(objects, { ...options, signal })
    } catch {} // whoever asks for them in another way is told
  }

  /**
   * Sends a request for which the server may work for long: there is a limit to its silence, and
   * each byte that comes starts that anew. What it throws is the SDK's, or `unreachable`.
   */
  async sendPatiently<T>(call: S3Call, command: Command<T>): Promise<T> {
    const silenceMs = this.#assemblySilenceMs
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), silenceMs)
    // The watchdog looks away a little longer, so that we can still see what became of it.
    const onEnd = call.onSilence?.(silenceMs + WATCHDOG_MARGIN_MS)
    const onAnswer = () => {
      timer.refresh()
      call.onSign?.()
    }
    try {
      withCompanion(command, { onAnswer })
      return await this.sendRaw({ ...call, signal: AbortSignal.any([call.signal, stop.signal]) }, command)
    } catch (error) {
      if (!stop.signal.aborted || call.signal.aborted) throw error
      const { op, where } = call
      const message = `${this.#host} said nothing for ${silenceMs / 1000} s while it was to put the object together`
      throw new StoreError({ kind: 'unreachable', op, where, message, stalled: true })
    } finally {
      clearTimeout(timer)
      onEnd?.()
    }
  }

  /**
   * Whether a 404 without a body can only mean that the object is not there: the same server has
   * just shown that it is an S3 server and has the bucket. A web server, and an S3 server without
   * the bucket, answer in the very same way.
   */
  provesAbsence(error: unknown): boolean {
    const refusal = refusalOf(error)
    return (
      refusal?.status === 404 &&
      (this.#speaksS3 || refusal.headers['x-amz-request-id'] !== undefined) &&
      performance.now() - this.#provenAt < PROOF_MS
    )
  }

  /** Whether an error says in S3's own words that the object is not there. */
  saysNoSuchKey(error: unknown): boolean {
    const refusal = refusalOf(error)
    if (refusal?.status !== 404 || refusal.code !== 'NoSuchKey') return false
    if (refusal.headers['x-amz-request-id'] === undefined) this.#speaksS3 = true
    this.#provenAt = performance.now()
    return true
  }

  /**
   * For work that must come to its end though its call was given up: it has something at the server
   * to tidy up. `close` waits for it.
   */
  async seeThrough<T>(work: Promise<T>): Promise<T> {
    const ended = work.catch(() => {})
    this.#unfinished.add(ended)
    try {
      return await work
    } finally {
      this.#unfinished.delete(ended)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#unfinished)
    this.#connection.close()
  }

  /**
   * Makes sure that a success came from an S3 server: those name their requests. One that does not
   * is asked for an object that nobody has: its answer has S3's words in it. Throws `unsupported`.
   */
  async confirm(call: S3Call, { $metadata }: Answer): Promise<void> {
    if ($metadata.requestId !== undefined) this.#provenAt = performance.now()
    else if (!this.#speaksS3) await this.#expectS3(call, $metadata.httpStatusCode)
  }

  async #expectS3(call: S3Call, status: number | undefined): Promise<void> {
    const nobodys = { Bucket: this.bucket, Key: `${this.#prefix}riastore-is-this-s3-${process.pid}` }
    try {
      const answer = await this.sendRaw(call, new GetObjectCommand(nobodys))
      dropBody(answer.Body)
    } catch (error) {
      const code = refusalOf(error)?.code
      if (code === 'NoSuchKey' || code === 'AccessDenied') {
        this.#speaksS3 = true
        return
      }
      if (refusalOf(error) === undefined) throw error
    }
    throw notS3(call.op, call.where, this.server, `${status} to everything`)
  }
}
