import { read, writevSync } from 'node:fs'
import { promisify } from 'node:util'
import { codeOf } from '../../core/errors.ts'
import { answerHeader, formatInit, parseForget, parseInit, parseRequest, type Request } from './messages.ts'
import { ERRNO, FuseError, INIT_FLAG, OPCODE, WRITABLE_FLAG } from './opcodes.ts'

/** Answers a request. Throws FuseError for what cannot be answered; all else becomes EIO. */
export type Handler = (request: Request, signal: AbortSignal) => Promise<Buffer> | Buffer

export interface ConnectionEvents {
  /** The kernel has said hello: the folder can be used. */
  readonly onReady: () => void
  /** Something failed that no FuseError tells. */
  readonly onFailure: (error: unknown, request: Request) => void
  /** The kernel no longer uses a node that it was told of so many times. It gets no answer. */
  readonly onForget: (node: number, times: number) => void
}

/** The oldest kernel's protocol that we speak, Linux 4.20, and the newest. */
const MINOR = { oldest: 28, newest: 31 } as const

/** Of one write. The kernel wants room for one, even where nothing can be written. Bytes. */
const MAX_WRITE = { readOnly: 64 * 1024, writable: 1024 * 1024 } as const
const HEADER_BYTES = 4096

/** Reads of the kernel's requests that wait at a time, each in a thread of node's pool. */
const READERS = 2

/** One read of a file, in pages of 4 KiB: 1 MiB. */
const MAX_PAGES = 256

const readAsync = promisify(read)

export interface ConnectionOptions extends ConnectionEvents {
  /** The folder can be written to. */
  readonly writable: boolean
}

/**
 * Answers what the kernel asks about a mounted folder, until it is unmounted. `fd`: /dev/fuse, as
 * fusermount3 gave it.
 */
export async function serveKernel(fd: number, handle: Handler, options: ConnectionOptions): Promise<void> {
  const connection = new Connection(fd, handle, options)
  await Promise.all(Array.from({ length: READERS }, () => connection.run()))
}

class Connection {
  readonly #fd: number
  readonly #handle: Handler
  readonly #events: ConnectionOptions
  /** What is under way, by its number: a process that is killed does not wait for it. */
  readonly #underWay = new Map<bigint, AbortController>()

  constructor(fd: number, handle: Handler, events: ConnectionOptions) {
    this.#fd = fd
    this.#handle = handle
    this.#events = events
  }

  get #maxWrite(): number {
    return this.#events.writable ? MAX_WRITE.writable : MAX_WRITE.readOnly
  }

  async run(): Promise<void> {
    const buffer = Buffer.alloc(this.#maxWrite + HEADER_BYTES)
    for (;;) {
      const length = await this.#receive(buffer)
      if (length === undefined) break
      this.#take(parseRequest(buffer.subarray(0, length)))
    }
    for (const each of this.#underWay.values()) each.abort()
  }

  /** Undefined when the folder is no longer mounted. */
  async #receive(buffer: Buffer): Promise<number | undefined> {
    for (;;) {
      try {
        return (await readAsync(this.#fd, buffer, 0, buffer.length, null)).bytesRead || undefined
      } catch (error) {
        const code = codeOf(error)
        if (code === 'ENODEV' || code === 'ECONNABORTED') return undefined
        // ENOENT: the process that asked is gone.
        if (code !== 'ENOENT' && code !== 'EINTR' && code !== 'EAGAIN') throw error
      }
    }
  }

  #take(request: Request): void {
    const { opcode, body } = request
    if (opcode === OPCODE.interrupt) this.#underWay.get(body.readBigUInt64LE(0))?.abort()
    else if (opcode === OPCODE.init) this.#greet(request)
    else if (opcode === OPCODE.forget || opcode === OPCODE.batchForget) {
      for (const { node, times } of parseForget(request)) this.#events.onForget(node, times)
    } else void this.#answer(request)
  }

  async #answer(request: Request): Promise<void> {
    const { unique } = request
    const stop = new AbortController()
    this.#underWay.set(unique, stop)
    try {
      const body = await this.#handle(request, stop.signal)
      this.#send([answerHeader(unique, body.length), body])
    } catch (error) {
      if (!(error instanceof FuseError) && !stop.signal.aborted) this.#events.onFailure(error, request)
      const errno = error instanceof FuseError ? error.errno : stop.signal.aborted ? ERRNO.EINTR : ERRNO.EIO
      this.#send([answerHeader(unique, 0, errno)])
    } finally {
      this.#underWay.delete(unique)
    }
  }

  #greet(request: Request): void {
    const { unique, body } = request
    const { major, minor, maxReadahead, flags } = parseInit(body)
    if (major !== 7 || minor < MINOR.oldest) {
      this.#send([answerHeader(unique, 0, ERRNO.EINVAL)])
      this.#events.onFailure(new Error(`FUSE ${major}.${minor} of the kernel is none that we speak`), request)
      return
    }
    const answer = formatInit({
      minor: Math.min(minor, MINOR.newest),
      maxReadahead,
      flags:
        flags &
        Object.values(this.#events.writable ? WRITABLE_FLAG : INIT_FLAG).reduce((all, flag) => all | flag, 0 as number),
      maxPages: MAX_PAGES,
      maxWrite: this.#maxWrite,
      maxBackground: 64,
    })
    this.#send([answerHeader(unique, answer.length), answer])
    this.#events.onReady()
  }

  #send(parts: readonly Buffer[]): void {
    try {
      writevSync(this.#fd, parts)
    } catch (error) {
      // The process that asked, or the folder, is gone.
      if (!['ENOENT', 'ENODEV', 'EINTR', 'ECONNABORTED'].includes(codeOf(error) ?? '')) throw error
    }
  }
}
