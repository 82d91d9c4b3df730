import { setMaxListeners } from 'node:events'
import { Conversation } from './conversation.ts'
import { frame, type Line, LineSplitter, unframe } from './framing.ts'
import { formatMessage, type Incoming, parseMessage } from './messages.ts'
import type { SpecialRemote } from './remote.ts'

/**
 * The extensions that we use, of those that git-annex offers; naming another would make the remote
 * unusable.
 */
const EXTENSIONS: readonly string[] = ['INFO', 'GETGITREMOTENAME']

export interface ServerSettings {
  /** Use the ASYNC extension when git-annex offers it: many jobs in one process. Default true. */
  readonly async?: boolean
}

/** Without ASYNC all belongs to one job. */
const ONLY_JOB = 0

/** The other side does not follow the protocol: there is no way to go on. */
class ProtocolError extends Error {}

/**
 * Speaks the protocol with git-annex until its input ends. Messages go to `write`, a line at a
 * time. Resolves with the exit code: 0 when git-annex closed the input, 1 when one side gave up.
 * Requests under way are aborted then.
 */
export class Server {
  readonly #wanted: readonly string[]
  readonly #remote: SpecialRemote
  readonly #write: (line: string) => void
  readonly #splitter = new LineSplitter()
  readonly #jobs = new Map<number, Conversation>()
  readonly #abort = new AbortController()
  #extensions: ReadonlySet<string> = new Set()
  readonly ended: Promise<number>
  #end: (code: number) => void = () => {}

  constructor(remote: SpecialRemote, write: (line: string) => void, { async = true }: ServerSettings = {}) {
    this.#wanted = async ? [...EXTENSIONS, 'ASYNC'] : EXTENSIONS
    this.#remote = remote
    this.#write = write
    setMaxListeners(0, this.#abort.signal) // every call of every job listens to it
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  start(): void {
    this.#write('VERSION 1')
  }

  /** Takes bytes of git-annex's. */
  push(bytes: Uint8Array): void {
    if (this.#abort.signal.aborted) return
    try {
      for (const line of this.#splitter.push(bytes)) if (!this.#abort.signal.aborted) this.#take(line)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#write(formatMessage({ verb: 'ERROR', message: error.message }))
      this.stop(1)
    }
  }

  /** Ends the conversation; what is under way is aborted. */
  stop(code: number): void {
    this.#abort.abort(new Error('git-annex ended the conversation'))
    this.#end(code)
  }

  #take(line: Line): void {
    if (line.text === '' || line.text.startsWith('ERROR ')) {
      if (line.text !== '') this.stop(1)
      return
    }
    const { job, message } = this.#unframe(line.text)
    const incoming: Incoming = line.cut ? { verb: 'UNKNOWN', line: message } : parseMessage(message)
    switch (incoming.verb) {
      case 'ERROR':
        this.stop(1)
        break
      case 'VALUE':
      case 'CREDS':
        if (!this.#job(job).answer(incoming)) throw new ProtocolError(`unexpected ${incoming.verb}: nothing was asked`)
        break
      case 'UNKNOWN':
        if (!this.#job(job).refuse(incoming.line)) this.#send(job, 'UNSUPPORTED-REQUEST')
        break
      case 'EXTENSIONS':
        this.#agree(incoming.extensions)
        break
      default:
        this.#job(job).request(incoming)
    }
  }

  #unframe(line: string): { job: number; message: string } {
    if (!this.#extensions.has('ASYNC')) return { job: ONLY_JOB, message: line }
    const framed = unframe(line)
    if (framed === undefined)
      throw new ProtocolError(`expected "J <number> …", got ${JSON.stringify(line.slice(0, 80))}`)
    return framed
  }

  #agree(offered: readonly string[]): void {
    const extensions = this.#wanted.filter((name) => offered.includes(name))
    this.#write(formatMessage({ verb: 'EXTENSIONS', extensions }))
    this.#extensions = new Set(extensions)
  }

  #job(number: number): Conversation {
    const existing = this.#jobs.get(number)
    if (existing !== undefined) return existing
    const job = new Conversation({
      remote: this.#remote,
      extensions: this.#extensions,
      signal: this.#abort.signal,
      send: (message) => this.#send(number, message),
    })
    this.#jobs.set(number, job)
    return job
  }

  #send(job: number, message: string): void {
    this.#write(job === ONLY_JOB ? message : frame({ job, message }))
  }
}
