import { git, resolveObject } from './git.ts'
import type { RefState } from './ref-state.ts'
import type { RefUpdate, StoredRepository } from './repository.ts'

/** What the helper says to git: whole lines, without their ends. */
export type Say = (...lines: readonly string[]) => void

/** What git told us to do, by `option`. */
export interface HelperOptions {
  verbosity: number
  progress: boolean
}

/**
 * A remote helper's side of the conversation with git. Commands come one a line, `fetch` and `push` in batches that an empty line ends.
 * Source: gitremote-helpers(7).
 */
export class RemoteHelper {
  readonly #repository: () => Promise<StoredRepository>
  readonly #say: Say
  readonly #warn: (line: string) => void
  readonly #options: HelperOptions
  #atomic = false
  #dryRun = false
  #checksConnectivity = false
  #listed: RefState | undefined
  #batch: string[] = []

  /** `options` are changed as git says; the repository is opened when it is first needed, after them. */
  constructor(
    repository: () => Promise<StoredRepository>,
    options: HelperOptions,
    say: Say,
    warn: (line: string) => void,
  ) {
    this.#repository = repository
    this.#options = options
    this.#say = say
    this.#warn = warn
  }

  /** Handles a line. False when the conversation is over. */
  async handle(line: string): Promise<boolean> {
    const [command = '', ...words] = line.split(' ')
    if (command === '') return this.#endBatch()
    if (command === 'fetch' || command === 'push') this.#batch.push(line)
    else if (command === 'capabilities') this.#say('fetch', 'push', 'option', 'check-connectivity', '')
    else if (command === 'option') this.#say(this.#setOption(words[0] ?? '', words.slice(1).join(' ')))
    else if (command === 'list') await this.#list()
    else throw new Error(`git asked for ${JSON.stringify(command)}, which this helper does not know`)
    return true
  }

  #setOption(name: string, value: string): string {
    switch (name) {
      case 'verbosity':
        this.#options.verbosity = Number(value)
        return 'ok'
      case 'progress':
        this.#options.progress = value === 'true'
        return 'ok'
      case 'atomic':
        this.#atomic = value === 'true'
        return 'ok'
      case 'dry-run':
        this.#dryRun = value === 'true'
        return 'ok'
      case 'check-connectivity':
        this.#checksConnectivity = value === 'true'
        return 'ok'
      case 'cloning':
      case 'followtags':
      case 'cas': // git compares with what we list, and we with what is there when we push
      case 'force':
        return 'ok'
      case 'object-format':
        return value === 'true' || value === 'sha1' ? 'ok' : 'error the repository has SHA-1 objects'
      default:
        return 'unsupported'
    }
  }

  async #list(): Promise<void> {
    const state = await (await this.#repository()).state()
    this.#listed = state
    const { head, refs } = state
    const lines = [...refs].map(([name, id]) => `${id} ${name}`)
    if (head !== undefined && refs.has(head)) lines.push(`@${head} HEAD`)
    this.#say(...lines, '')
  }

  async #endBatch(): Promise<boolean> {
    const batch = this.#batch
    this.#batch = []
    if (batch.length === 0) return false
    if (batch[0]?.startsWith('fetch ')) await this.#fetch(batch)
    else await this.#push(batch)
    return true
  }

  async #fetch(batch: readonly string[]): Promise<void> {
    const wanted = batch.map((line) => line.split(' ')[1] ?? '')
    await (await this.#repository()).fetch([...new Set(wanted)])
    // Everything that was asked for was looked through.
    this.#say(...(this.#checksConnectivity ? ['connectivity-ok'] : []), '')
  }

  async #push(batch: readonly string[]): Promise<void> {
    const repository = await this.#repository()
    const updates: RefUpdate[] = []
    for (const line of batch) {
      const [, force, source = '', name = ''] = /^push (\+?)([^:]*):(.+)$/.exec(line) ?? []
      const to = source === '' ? undefined : await resolveObject(source)
      if (source !== '' && to === undefined) this.#say(`error ${name} src refspec ${source} does not match any`)
      else updates.push({ name, to, force: force === '+' })
    }
    const listed = this.#listed ?? (await repository.state())
    const options = { atomic: this.#atomic, dryRun: this.#dryRun, head: await localHead(), warn: this.#warn }
    const results = await repository.push(updates, listed, options)
    for (const [name, reason] of results) this.#say(reason === undefined ? `ok ${name}` : `error ${name} ${reason}`)
    this.#say('')
  }
}

/** The branch that is checked out here: that of a new repository, too. */
async function localHead(): Promise<string | undefined> {
  const { code, stdout } = await git(['symbolic-ref', '--quiet', 'HEAD'], { mayEndWith: [1, 128] })
  return code === 0 ? stdout.trim() : undefined
}
