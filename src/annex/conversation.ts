import { handle } from './handle.ts'
import { type Answer, type Aside, formatMessage, type Reply, type Request } from './messages.ts'
import type { Job, SpecialRemote } from './remote.ts'
import { throttle } from './throttle.ts'

export interface ConversationSettings {
  readonly remote: SpecialRemote
  /** The extensions that both sides have. */
  readonly extensions: ReadonlySet<string>
  readonly signal: AbortSignal
  /** Sends one message, framed. */
  readonly send: (message: string) => void
}

/** One job: a serial conversation. Requests that come while one is handled wait for it. */
export class Conversation {
  readonly #settings: ConversationSettings
  readonly #answers: { resolve(answer: Answer): void }[] = []
  #last: Promise<void> = Promise.resolve()

  constructor(settings: ConversationSettings) {
    this.#settings = settings
  }

  /** Resolves when the request was replied to. */
  request(request: Request): Promise<void> {
    this.#last = this.#last.then(async () => {
      const { remote } = this.#settings
      for (const reply of await handle(remote, this.#job(), request)) this.#send(reply)
    })
    return this.#last
  }

  /** Takes an answer. False when nothing was asked. */
  answer(answer: Answer): boolean {
    const waiting = this.#answers.shift()
    waiting?.resolve(answer)
    return waiting !== undefined
  }

  #send(message: Reply | Aside): void {
    if (!this.#settings.signal.aborted) this.#settings.send(formatMessage(message))
  }

  #ask(question: Aside): Promise<Answer> {
    const { signal } = this.#settings
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#answers.push({
        resolve(answer) {
          signal.removeEventListener('abort', onAbort)
          resolve(answer)
        },
      })
      this.#send(question)
    })
  }

  async #askValue(question: Aside): Promise<string> {
    const answer = await this.#ask(question)
    if (answer.verb !== 'VALUE') throw new Error(`git-annex answered ${question.verb} with ${answer.verb}`)
    return answer.value
  }

  #job(): Job {
    const { extensions, signal } = this.#settings
    return {
      signal,
      getConfig: (name) => this.#askValue({ verb: 'GETCONFIG', name }),
      setConfig: (name, value) => this.#send({ verb: 'SETCONFIG', name, value }),
      getUuid: () => this.#askValue({ verb: 'GETUUID' }),
      getGitDir: () => this.#askValue({ verb: 'GETGITDIR' }),
      getGitRemoteName: async () =>
        extensions.has('GETGITREMOTENAME') ? this.#askValue({ verb: 'GETGITREMOTENAME' }) : undefined,
      progress: throttle((bytes) => this.#send({ verb: 'PROGRESS', bytes })),
      info: (message) => this.#send({ verb: extensions.has('INFO') ? 'INFO' : 'DEBUG', message }),
      debug: (message) => this.#send({ verb: 'DEBUG', message }),
    }
  }
}
