import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../core/errors.ts'
import { readUserGitConfig } from '../core/git-config.ts'
import { WebAgents } from '../core/web/agents.ts'
import { type GitLabAddress, parseGitLabUrl } from './address.ts'
import { errorOf, requestIdOf } from './answer-error.ts'
import { type Answer, type Call, exchange, nameOf } from './exchange.ts'
import { GitLabError, isGitLabError } from './gitlab-error.ts'
import type { Reader } from './shapes.ts'
import type { Token } from './token.ts'

export interface ClientOptions {
  /** URL of GitLab's front page, or its host. */
  readonly url: string
  readonly token: Token
  readonly signal?: AbortSignal | undefined
  /** Takes a line for the user: that we wait, that we try again. */
  readonly tell?: ((line: string) => void) | undefined
  /** The token may be sent without encryption to another machine. Default false. */
  readonly allowHttp?: boolean | undefined
  /** Nothing came for so long: it has failed. ms, default 60,000. */
  readonly stallMs?: number | undefined
  /** How long all waits for rate limits may take together. ms, default 300,000. */
  readonly patienceMs?: number | undefined
  /**
   * The first pause before something is tried again; each further one is twice as long. ms, default
   * 500.
   */
  readonly pauseMs?: number | undefined
}

/** What failed for a reason that may pass is tried so often again. */
const RETRIES = 3

/** Where GitLab says nothing about how long to wait (GitLab's own default). ms. */
const USUAL_WAIT_MS = 60_000

/**
 * Asks one GitLab, with one token. What only reads, and what sets values, is tried again after
 * failures that may pass; what creates something is sent again only after a look whether it is
 * there. A rate limit is waited for. A token that was refused is never sent again.
 */
export class GitLabClient {
  readonly address: GitLabAddress
  readonly #options: ClientOptions
  readonly #pauseMs: number
  #patienceMs: number
  #refused: GitLabError | undefined
  #agents: Promise<WebAgents> | undefined

  /** Throws ConfigError for an address that cannot be used. */
  constructor(options: ClientOptions) {
    this.address = parseGitLabUrl(options.url, options)
    if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0' && this.address.url.startsWith('https:')) {
      const how =
        'unset it, and name the authority that signed the certificate with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS'
      throw new ConfigError(`NODE_TLS_REJECT_UNAUTHORIZED=0 would send the token to anybody: ${how}`)
    }
    this.#options = options
    this.#pauseMs = options.pauseMs ?? 500
    this.#patienceMs = options.patienceMs ?? 300_000
  }

  get(path: string): Promise<Answer>
  get<T>(path: string, read: Reader<T>): Promise<T>
  get<T>(path: string, read?: Reader<T>): Promise<T | Answer> {
    return this.#repeatedly({ method: 'GET', path }, read)
  }

  put<T>(path: string, body: Readonly<Record<string, unknown>>, read: Reader<T>): Promise<T> {
    return this.#repeatedly({ method: 'PUT', path, body }, read) as Promise<T>
  }

  /**
   * Creates something. After a failure that may pass, `look` says whether it is there by now; what
   * it finds is returned instead. Nothing is sent a second time without that.
   */
  async create<T>(
    path: string,
    body: Readonly<Record<string, unknown>>,
    read: Reader<T>,
    look: () => Promise<T | undefined>,
  ): Promise<{ readonly value: T; readonly isOurs: boolean | undefined }> {
    const call: Call = { method: 'POST', path, body }
    for (let tries = 0; ; tries++) {
      try {
        return { value: await this.#once(call, read), isOurs: true }
      } catch (error) {
        await this.#pauseAfter(error, tries)
        const found = await look()
        if (found !== undefined) return { value: found, isOurs: undefined }
      }
    }
  }

  async #repeatedly<T>(call: Call, read: Reader<T> | undefined): Promise<T | Answer> {
    for (let tries = 0; ; tries++) {
      try {
        return read === undefined ? await this.#send(call) : await this.#once(call, read)
      } catch (error) {
        await this.#pauseAfter(error, tries)
      }
    }
  }

  async #once<T>(call: Call, read: Reader<T>): Promise<T> {
    const answer = await this.#send(call)
    try {
      return read(answer.json)
    } catch (error) {
      const where = nameOf(call, this.address)
      const what = answer.json === undefined ? 'a web page or text instead of data' : (error as Error).message
      const message = `does not answer as GitLab does (${answer.status}: ${what}): is its address right?`
      const requestId = requestIdOf(answer.headers)
      throw new GitLabError({ kind: 'unexpected', where, message, status: answer.status, requestId, cause: error })
    }
  }

  async #send(call: Call): Promise<Answer> {
    if (this.#refused !== undefined) throw this.#refused
    const { token, signal, stallMs = 60_000 } = this.#options
    this.#agents ??= readUserGitConfig().then((git) => new WebAgents({ git }))
    const agents = await this.#agents
    const answer = await exchange(call, { address: this.address, token, agents, signal, stallMs })
    if (answer.status >= 200 && answer.status < 300) return answer
    const error = errorOf(call, answer, this.address, token)
    if (answer.status === 401) this.#refused = error
    throw error
  }

  /** Resolves when the call may be tried again; throws the error when it may not. */
  async #pauseAfter(error: unknown, tries: number): Promise<void> {
    if (isGitLabError(error, 'busy')) {
      const waitMs = Math.max(error.waitMs ?? USUAL_WAIT_MS, this.#pauseMs)
      if (waitMs > this.#patienceMs) throw error
      this.#patienceMs -= waitMs
      this.#tell(`${error.where}: GitLab limits how often it may be asked (429), waiting ${Math.ceil(waitMs / 1000)} s`)
      return this.#sleep(waitMs, error)
    }
    if (!isGitLabError(error, 'failed', 'unreachable') || tries >= RETRIES) throw error
    const pause = this.#pauseMs * 2 ** tries
    this.#tell(`${error.message}: trying again`)
    return this.#sleep(pause + Math.random() * pause, error)
  }

  async #sleep(ms: number, { where }: GitLabError): Promise<void> {
    const { signal } = this.#options
    try {
      await sleep(ms, undefined, signal && { signal })
    } catch (error) {
      throw new GitLabError({ kind: 'aborted', where, message: 'aborted', cause: error })
    }
  }

  #tell(line: string): void {
    this.#options.tell?.(line)
  }
}
