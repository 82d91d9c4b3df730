import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { messageOf } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import { type Part, wantedRange } from '../content.ts'
import type { Desk, ServeOptions } from '../desk.ts'
import type { Reader } from '../gate.ts'
import type { Admitted } from '../limits.ts'
import { answersTo } from '../require-path.ts'
import { isTaken, type Sent, sendFile, sendHeld } from './answer.ts'
import { diskRoot } from './disk-file.ts'
import { type CheckedPlace, type Found, headerLines, LooseKeys, partHead } from './loose-keys.ts'
import { type PlainRequest, PlainRequests } from './plain-request.ts'

/** A connection on which nothing goes on for so long is closed. ms. */
const STALL_MS = 60_000

/** Where a key of a dataset lies. */
const PLACE = /^\/([^/]+\/[^/]+)\/annex\/objects\/(.+)$/

/** What is asked for, and by whom. */
interface Asked {
  readonly reader: Reader
  readonly place: CheckedPlace
  /** Undefined: all of it. */
  readonly part: Part | undefined
  readonly path: string
}

/**
 * Answers plain requests for loose keys on a disk without node's HTTP server, which takes three
 * times as long for one as all the rest. As soon as a client sends anything else, its connection is
 * that server's, with what was sent, for good. Who may read what, limits, log and numbers are those
 * of the desk.
 */
export class QuickLane {
  readonly #desk: Desk
  readonly #options: ServeOptions
  readonly #isLocal: boolean
  readonly #root: Promise<string | undefined>
  readonly #loose = new LooseKeys()
  readonly #head: string
  readonly #sockets = new Set<Socket>()
  #date = { text: '', untilMs: 0 }

  constructor(desk: Desk, store: Store, options: ServeOptions) {
    this.#desk = desk
    this.#options = options
    this.#isLocal = store.traits.local
    this.#root = diskRoot(store).catch(() => undefined)
    this.#head = headerLines(desk.headers)
  }

  /** Has the connections of a server begin here, where anything can be answered here. */
  before(server: Server): void {
    // Rates are kept where parts are sent one by one.
    if (!this.#isLocal || this.#options.limits?.bytesPerSecond !== undefined) return
    const listeners = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', (socket) => {
      this.#listen(socket, () => {
        for (const listener of listeners) listener.call(server, socket)
      })
    })
  }

  /** Ends all connections. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #listen(socket: Socket, handOver: () => void): void {
    const requests = new PlainRequests(this.#options.identityHeader)
    let isBusy = false
    let hasEnded = false
    let waiting: Buffer | undefined
    const leave = (bytes: Buffer) => {
      socket.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onError).off('timeout', onTimeout)
      socket.setTimeout(0)
      this.#sockets.delete(socket)
      socket.pause()
      socket.unshift(bytes)
      handOver()
      socket.resume()
    }
    const onData = (bytes: Buffer) => {
      if (isBusy) {
        waiting = bytes
        socket.pause()
        return
      }
      const request = requests.read(bytes)
      if (request === undefined) return leave(bytes)
      isBusy = true
      this.#desk.turns.take(() => {
        void this.#answer(socket, request).then((isAnswered) => {
          isBusy = false
          if (socket.destroyed) return
          if (!isAnswered) leave(waiting === undefined ? bytes : Buffer.concat([bytes, waiting]))
          else if (waiting !== undefined) leave(waiting)
          else if (hasEnded) socket.end()
        })
      })
    }
    const onEnd = () => {
      hasEnded = true
      if (!isBusy) socket.end()
    }
    const onClose = () => this.#sockets.delete(socket)
    const onError = () => {} // it closes
    const onTimeout = () => socket.destroy()
    this.#sockets.add(socket)
    socket.setTimeout(STALL_MS)
    socket.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onError).on('timeout', onTimeout)
  }

  /** False: nothing was sent. Never rejects. */
  async #answer(socket: Socket, request: PlainRequest): Promise<boolean> {
    const asked = await this.#prepare(socket, request).catch(() => undefined)
    if (asked === undefined) return false
    // Before anything is read: who has asked for too much costs no more.
    const admitted = this.#desk.enter(asked.reader)
    if (typeof admitted === 'number') return false
    const found = this.#find(request, asked)
    if (found === undefined) admitted.undo()
    else await this.#send(socket, request, asked, found, admitted)
    return found !== undefined
  }

  /** Undefined for what is not quick, or not for who asks. */
  async #prepare(socket: Socket, { path, range, headers }: PlainRequest): Promise<Asked | undefined> {
    const [, directory, below] = PLACE.exec(path) ?? []
    if (directory === undefined || below === undefined) return undefined
    const root = await this.#root
    if (root === undefined || !answersTo(headers.host, this.#options.hosts)) return undefined
    const reader = await this.#desk.admit({ headers, socket })
    const views = this.#desk.viewsOf(path.slice(1), reader)
    const dataset = await views.named(directory)
    const place = dataset && this.#loose.at(await views.version(dataset), below)
    if (dataset === undefined || place === undefined || socket.destroyed) return undefined
    const part = wantedRange(range, place.size)
    if (part === 'none' || (range !== undefined && part === 'all')) return undefined
    const file = `${root}/${dataset.path(`annex/objects/${below}`)}`
    return { reader, place, part: part === 'all' ? undefined : part, path: file }
  }

  /** Undefined where anything is not as it should be; `head`: no more is asked for. */
  #find({ method }: PlainRequest, { place, part, path }: Asked): Found | 'head' | undefined {
    if (method === 'GET') return this.#loose.find(place, path, part)
    return this.#loose.isThere(place, path) ? 'head' : undefined
  }

  async #send(
    socket: Socket,
    request: PlainRequest,
    { reader, place, part, path }: Asked,
    found: Found | 'head',
    admitted: Admitted,
  ): Promise<void> {
    const { metrics } = this.#desk
    metrics.begin()
    let sent: Sent = { bytes: 0 }
    try {
      const head = this.#headOf(place, part)
      if (found === 'head') await isTaken(socket, Buffer.from(head, 'latin1'))
      else if ('held' in found) sent = await sendHeld(socket, head, found.held.content.subarray(part?.start, part?.end))
      else {
        const { isChecked } = found
        sent = await sendFile(socket, head, found.file, { ...place, isChecked, part })
        const isWhole = part === undefined && sent.bytes === place.size
        if (isWhole && !isChecked) this.#loose.remember(path, found.file.identity)
      }
    } catch (error) {
      sent = { ...sent, failure: messageOf(error) }
    }
    if (found !== 'head') this.#loose.close(found)
    admitted.leave()
    // Nobody takes the part for the whole.
    if (sent.failure !== undefined) socket.destroy()
    const { name: user, client } = reader
    const { method, path: target } = request
    const failure = sent.failure && `${path}: ${sent.failure}`
    const status = part === undefined ? 200 : 206
    this.#desk.tell({ client, user, method, target, status, bytes: sent.bytes, failure })
  }

  #headOf(place: CheckedPlace, part: Part | undefined): string {
    const status = part === undefined ? '200 OK' : '206 Partial Content'
    const about = part === undefined ? place.head : partHead(place, part)
    const connection = 'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n'
    return `HTTP/1.1 ${status}\r\n${this.#head}${about}Date: ${this.#now()}\r\n${connection}\r\n`
  }

  /** For a Date header. */
  #now(): string {
    const now = Date.now()
    if (now >= this.#date.untilMs)
      this.#date = { text: new Date(now).toUTCString(), untilMs: now - (now % 1000) + 1000 }
    return this.#date.text
  }
}
