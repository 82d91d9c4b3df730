import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { messageOf } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import type { Desk, ServeOptions } from '../desk.ts'
import type { Reader } from '../gate.ts'
import type { Admitted } from '../limits.ts'
import { answersTo } from '../require-path.ts'
import { isTaken, type Sent, sendFile, sendHeld } from './answer.ts'
import { diskRoot } from './disk-file.ts'
import { type CheckedPlace, type Found, headerLines, LooseKeys } from './loose-keys.ts'
import { type PlainRequest, PlainRequests } from './plain-request.ts'

/** A connection on which nothing goes on for so long is closed. ms. */
const STALL_MS = 60_000

/** Where a key of a dataset lies. */
const PLACE = /^\/([^/]+\/[^/]+)\/annex\/objects\/(.+)$/

/** All that an answer needs, but that it may be given now. */
interface Ready {
  readonly reader: Reader
  readonly place: CheckedPlace
  /** Undefined: only its head is asked for. */
  readonly found: Found | undefined
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
    this.#head = `HTTP/1.1 200 OK\r\n${headerLines(desk.headers)}`
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
      void this.#answer(socket, request).then((isAnswered) => {
        isBusy = false
        if (socket.destroyed) return
        if (!isAnswered) leave(waiting === undefined ? bytes : Buffer.concat([bytes, waiting]))
        else if (waiting !== undefined) leave(waiting)
        else if (hasEnded) socket.end()
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
    const ready = await this.#prepare(socket, request).catch(() => undefined)
    if (ready === undefined) return false
    const admitted = this.#desk.enter(ready.reader)
    if (typeof admitted === 'number') {
      if (ready.found !== undefined) this.#loose.close(ready.found)
      return false
    }
    await this.#send(socket, request, ready, admitted)
    return true
  }

  /** Undefined for what is not quick, or not as it should be. */
  async #prepare(socket: Socket, { method, path, headers }: PlainRequest): Promise<Ready | undefined> {
    const [, directory, below] = PLACE.exec(path) ?? []
    if (directory === undefined || below === undefined) return undefined
    const root = await this.#root
    if (root === undefined || !answersTo(headers.host, this.#options.hosts)) return undefined
    const reader = await this.#desk.admit({ headers, socket })
    const views = this.#desk.viewsOf(path.slice(1), reader)
    const dataset = await views.named(directory)
    const place = dataset && this.#loose.at(await views.version(dataset), below)
    if (dataset === undefined || place === undefined || socket.destroyed) return undefined
    const file = `${root}/${dataset.path(`annex/objects/${below}`)}`
    if (method === 'HEAD')
      return this.#loose.isThere(place, file) ? { reader, place, found: undefined, path: file } : undefined
    const found = this.#loose.find(place, file)
    return found && { reader, place, found, path: file }
  }

  async #send(socket: Socket, request: PlainRequest, ready: Ready, admitted: Admitted): Promise<void> {
    const { reader, found, place, path } = ready
    const { metrics } = this.#desk
    metrics.begin()
    let sent: Sent = { bytes: 0 }
    try {
      const head = `${this.#head}${place.head}Date: ${this.#now()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n`
      if (found === undefined) await isTaken(socket, Buffer.from(head, 'latin1'))
      else if ('held' in found) sent = await sendHeld(socket, head, found.held.content)
      else {
        sent = await sendFile(socket, head, found.file, { ...place, isChecked: found.isChecked })
        if (sent.bytes === place.size && !found.isChecked) this.#loose.remember(path, found.file.identity)
      }
    } catch (error) {
      sent = { ...sent, failure: messageOf(error) }
    }
    if (found !== undefined) this.#loose.close(found)
    admitted.leave()
    // Nobody takes the part for the whole.
    if (sent.failure !== undefined) socket.destroy()
    const { name: user, client } = reader
    const failure = sent.failure && `${path}: ${sent.failure}`
    this.#desk.tell({
      client,
      user,
      method: request.method,
      target: request.path,
      status: 200,
      bytes: sent.bytes,
      failure,
    })
  }

  /** For a Date header. */
  #now(): string {
    const now = Date.now()
    if (now >= this.#date.untilMs)
      this.#date = { text: new Date(now).toUTCString(), untilMs: now - (now % 1000) + 1000 }
    return this.#date.text
  }
}
