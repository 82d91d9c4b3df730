import { handle, handleAtOnce } from './handle.ts'
import { type Answer, type Aside, formatMessage, type Reply, type Request } from './messages.ts'
import type { Creds, Job, SpecialRemote } from './remote.ts'
import { throttle } from './throttle.ts'

export interface ConversationSettings {
  readonly remote: SpecialRemote
  /** The extensions that both sides have. */
  readonly extensions: ReadonlySet<string>
  readonly signal: AbortSignal
  /** Sends one message, framed. */
  readonly send: (message: string) => void
}

interface Question {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** One job: a serial conversation. Requests that come while one is handled wait for it. */
export class Conversation {
  readonly #settings: ConversationSettings
  readonly #questions: Question[] = []
  #last: Promise<void> = Promise.resolve()
  /** Requests that were not replied to yet. */
  #open = 0

  constructor(settings: ConversationSettings) {
    this.#settings = settings
  }

  /** Resolves when the request was replied to. */
  request(request: Request): Promise<void> {
    const reply = this.#open === 0 ? handleAtOnce(this.#settings.remote, request) : undefined
    if (reply !== undefined && !(reply instanceof Promise)) {
      this.#send(reply)
      return this.#last
    }
    this.#open += 1
    this.#last = this.#last.then(async () => {
      const replies = reply === undefined ? await this.#handle(request) : [await reply]
      this.#open -= 1
      for (const each of replies) this.#send(each)
    })
    return this.#last
  }

  async #handle(request: Request): Promise<readonly Reply[]> {
    let over = false
    try {
      return await handle(
        this.#settings.remote,
        this.#job(() => over),
        request,
      )
    } finally {
      over = true
    }
  }

  /** Takes an answer. False when nothing was asked. */
  answer(answer: Answer): boolean {
    const question = this.#questions.shift()
    question?.resolve(answer)
    return question !== undefined
  }

  /** Takes a line that is no message: no answer to what was asked. False when nothing was asked. */
  refuse(line: string): boolean {
    const question = this.#questions.shift()
    const shown = line.startsWith('CREDS') ? 'CREDS that cannot be read' : JSON.stringify(line.slice(0, 80))
    question?.reject(new Error(`git-annex answered with ${shown}`))
    return question !== undefined
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
      const answered = () => signal.removeEventListener('abort', onAbort)
      this.#questions.push({
        resolve(answer) {
          answered()
          resolve(answer)
        },
        reject(error) {
          answered()
          reject(error)
        },
      })
      this.#send(question)
    })
  }

  async #askFor<V extends Answer['verb']>(verb: V, question: Aside): Promise<Extract<Answer, { verb: V }>> {
    const answer = await this.#ask(question)
    if (answer.verb !== verb) throw new Error(`git-annex answered ${question.verb} with ${answer.verb}`)
    return answer as Extract<Answer, { verb: V }>
  }

  /** What is said once the request `isOver` would be taken for a reply to the next one. */
  #job(isOver: () => boolean): Job {
    const { extensions, signal } = this.#settings
    const askFor = async <V extends Answer['verb']>(verb: V, question: Aside) => {
      if (isOver()) throw new Error(`${question.verb} after the reply`)
      return this.#askFor(verb, question)
    }
    const ask = async (question: Aside) => (await askFor('VALUE', question)).value
    const askCreds = async (question: Aside): Promise<Creds | undefined> => {
      const { user, password } = await askFor('CREDS', question)
      return user === '' && password === '' ? undefined : { user, password }
    }
    const say = (aside: Aside) => {
      if (!isOver()) this.#send(aside)
    }
    return {
      signal,
      getConfig: (name) => ask({ verb: 'GETCONFIG', name }),
      setConfig: (name, value) => say({ verb: 'SETCONFIG', name, value }),
      getCreds: (name) => askCreds({ verb: 'GETCREDS', name }),
      setCreds: (name, user, password) => say({ verb: 'SETCREDS', name, user, password }),
      getUuid: () => ask({ verb: 'GETUUID' }),
      getGitDir: () => ask({ verb: 'GETGITDIR' }),
      getGitRemoteName: async () =>
        extensions.has('GETGITREMOTENAME') ? ask({ verb: 'GETGITREMOTENAME' }) : undefined,
      progress: throttle((bytes) => say({ verb: 'PROGRESS', bytes })),
      info: (message) => say({ verb: extensions.has('INFO') ? 'INFO' : 'DEBUG', message }),
      debug: (message) => say({ verb: 'DEBUG', message }),
    }
  }
}
