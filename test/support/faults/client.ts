import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AnnexHost } from '../programs/annex-host.ts'
import type { Keys } from '../programs/archive-program.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { numbersOf, pick, type Random } from './numbers.ts'
import type { Verdict } from './toll.ts'

export interface ClientOptions {
  readonly name: string
  readonly url: string
  readonly id: string
  readonly env: NodeJS.ProcessEnv
  readonly seed: number
  /** Keys that are there all the time. */
  readonly keys: Keys
  readonly verdict: Verdict
  /** Stores and drops nothing. */
  readonly looksOnly: boolean
  /** No request may take longer. ms. */
  readonly hangMs: number
}

/** What a client knows of a key of his own; `unknown` after he was told that something failed. */
type Belief = 'there' | 'dropped' | 'unknown'

/** More of his own he does not store. */
const MOST = 12

/** So many of his last requests are told with a problem. */
const REMEMBERED = 200

/**
 * Our special remote, in the hands of somebody who stores, gets, drops and looks, one after the
 * other, and remembers what he was told.
 */
export class Client {
  readonly #workspace: Workspace
  readonly #options: ClientOptions
  readonly #random: Random
  readonly #own = new Map<string, { readonly content: Buffer; belief: Belief }>()
  readonly #directory: string
  #host: AnnexHost | undefined
  #made = 0
  readonly #told: string[] = []

  constructor(workspace: Workspace, options: ClientOptions) {
    this.#workspace = workspace
    this.#options = options
    this.#random = numbersOf(options.seed, options.name.length + (options.name.codePointAt(0) ?? 0))
    this.#directory = workspace.path(`client-${options.name}`)
  }

  /** What has to be in the store. */
  get stored(): Keys {
    return new Map(
      [...this.#own].filter(([, { belief }]) => belief === 'there').map(([key, { content }]) => [key, content]),
    )
  }

  /** One thing. */
  async step(): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    const random = this.#random
    const own = [...this.#own.keys()]
    const [key, ...more] = own
    if (this.#options.looksOnly) {
      const [base = '', ...others] = this.#options.keys.keys()
      const any = pick(random, [base, ...others])
      return random() < 0.5 ? this.#get(any) : this.#look(any)
    }
    const draw = random()
    if (key === undefined || (draw < 0.2 && own.length < MOST)) return this.#store(this.#newKey())
    const some = pick(random, [key, ...more])
    if (draw < 0.35) return this.#own.get(some)?.belief === 'there' ? this.#drop(some) : this.#store(some)
    const [base = some, ...others] = this.#options.keys.keys()
    const any = random() < 0.5 ? some : pick(random, [base, ...others])
    return draw < 0.6 ? this.#get(any) : this.#look(any)
  }

  async end(): Promise<void> {
    this.#host?.running.killGroup()
    await this.#host?.running.done
  }

  #newKey(): string {
    const content = Buffer.from(
      `${this.#options.name} ${this.#options.seed} ${this.#made}\n`.repeat(1 + (this.#made % 90)),
    )
    this.#made += 1
    const key = `MD5E-s${content.length}--${createHash('md5').update(content).digest('hex')}.txt`
    this.#own.set(key, { content, belief: 'dropped' })
    return key
  }

  async #store(key: string): Promise<void> {
    const own = this.#own.get(key)
    if (own === undefined) return
    const file = join(this.#directory, 'up')
    await writeFile(file, own.content)
    own.belief = 'unknown'
    const reply = await this.#ask(`TRANSFER STORE ${key} ${file}`)
    if (!this.#count(reply, 'TRANSFER-SUCCESS', 'stored')) return
    own.belief = 'there'
  }

  async #drop(key: string): Promise<void> {
    const own = this.#own.get(key)
    if (own === undefined) return
    own.belief = 'unknown'
    const reply = await this.#ask(`REMOVE ${key}`)
    if (this.#count(reply, 'REMOVE-SUCCESS', 'dropped')) own.belief = 'dropped'
  }

  async #get(key: string): Promise<void> {
    const { verdict, keys } = this.#options
    const file = join(this.#directory, 'down')
    await rm(file, { force: true })
    const reply = await this.#ask(`TRANSFER RETRIEVE ${key} ${file}`)
    const belief = this.#believes(key)
    if (this.#count(reply, 'TRANSFER-SUCCESS', 'got')) {
      const content = await readFile(file)
      if (!content.equals(keys.get(key) ?? this.#own.get(key)?.content ?? Buffer.alloc(0))) {
        verdict.problem(`wrong bytes of ${key}: ${this.#history(key)}`)
      }
      if (belief === 'dropped') verdict.problem(`false answer: it was dropped, and can be got: ${this.#history(key)}`)
    } else if (belief === 'there' && /not in the store/.test(reply)) {
      verdict.problem(`false answer: ${reply}: ${this.#history(key)}`)
    }
  }

  async #look(key: string): Promise<void> {
    const reply = await this.#ask(`CHECKPRESENT ${key}`)
    const belief = this.#believes(key)
    const says = /^CHECKPRESENT-(SUCCESS|FAILURE) /.exec(reply)?.[1]
    if (says === undefined) this.#count(reply, 'CHECKPRESENT-SUCCESS', 'looked')
    else this.#options.verdict.toll.clients.looked += 1
    const isFalse = (says === 'SUCCESS' && belief === 'dropped') || (says === 'FAILURE' && belief === 'there')
    if (isFalse) this.#options.verdict.problem(`false answer of what is ${belief}: ${this.#history(key)}`)
  }

  #believes(key: string): Belief {
    return this.#own.get(key)?.belief ?? 'there'
  }

  #count(reply: string, success: string, as: 'stored' | 'got' | 'dropped' | 'looked'): boolean {
    const isDone = reply.startsWith(`${success} `)
    this.#options.verdict.toll.clients[isDone ? as : 'refused'] += 1
    return isDone
  }

  /** What was asked and told of a key, with times. ms. */
  #history(key: string): string {
    return this.#told.filter((line) => line.includes(key)).join('; ')
  }

  /** Gives the reply; an empty one when there was none. */
  async #ask(request: string): Promise<string> {
    const { hangMs, verdict } = this.#options
    this.#host ??= await this.#start()
    const host = this.#host
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, hangMs, 'late')
    })
    const began = Date.now()
    const reply = await Promise.race([host.request(request), late])
    clearTimeout(timer)
    this.#told.push(`${began}-${Date.now()}: ${request}: ${reply}`)
    if (this.#told.length > REMEMBERED) this.#told.shift()
    if (reply !== 'late' && reply !== undefined) return reply
    const said = host.running.stderr().slice(-500)
    verdict.problem(`${reply === 'late' ? 'hang' : 'wrong end'}: the special remote at ${request}: ${said}`)
    await this.end()
    this.#host = undefined
    return ''
  }

  async #start(): Promise<AnnexHost> {
    const { url, id, env } = this.#options
    const config = { url, 'archive-id': id, encryption: 'none' }
    const options = { env, config, gitDir: this.#directory, cwd: this.#directory, timeoutMs: 24 * 3_600_000 }
    return AnnexHost.prepared(this.#workspace, options)
  }
}
