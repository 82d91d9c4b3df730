import { messageOf, oneLine } from '../core/errors.ts'
import { git, resolveObject } from './objects/git.ts'
import type { RefUpdate } from './push-rules.ts'
import type { RefState } from './refs/ref-state.ts'
import type { StoredRepository } from './repository.ts'

/** What the helper says to git: whole lines, without their ends. */
export type Say = (...lines: readonly string[]) => void

/** How git names an object that is not there. */
const NONE = '0'.repeat(40)

/** What git told us to do, by `option`. */
export interface HelperOptions {
  verbosity: number
  progress: boolean
}

/**
 * A remote helper's side of the conversation with git. Commands come one a line, `fetch` and `push`
 * in batches that an empty line ends. Source: gitremote-helpers(7).
 */
export class RemoteHelper {
  readonly #repository: () => Promise<StoredRepository>
  readonly #say: Say
  readonly #tell: (line: string) => void
  readonly #options: HelperOptions
  #atomic = false
  #dryRun = false
  /** Commits of history that are wanted; undefined: all. */
  #depth: number | undefined
  #checksConnectivity = false
  #tellsFormat = false
  /** By ref: what --force-with-lease expects there. */
  readonly #leases = new Map<string, string>()
  #listed: RefState | undefined
  #batch: string[] = []

  /**
   * `options` are changed as git says; the repository is opened when it is first needed, after
   * them.
   */
  constructor(
    repository: () => Promise<StoredRepository>,
    options: HelperOptions,
    say: Say,
    tell: (line: string) => void,
  ) {
    this.#repository = repository
    this.#options = options
    this.#say = say
    this.#tell = tell
  }

  /** Handles a line. False when the conversation is over. */
  async handle(line: string): Promise<boolean> {
    const [command = '', ...words] = line.split(' ')
    if (command === '') return this.#endBatch()
    if (command === 'fetch' || command === 'push') this.#batch.push(line)
    else if (command === 'capabilities') this.#say('fetch', 'push', 'option', 'check-connectivity', 'object-format', '')
    else if (command === 'option') this.#say(this.#setOption(words[0] ?? '', words.slice(1).join(' ')))
    else if (command === 'list') await this.#list(words[0] === 'for-push')
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
      case 'force':
        return 'ok'
      case 'cas': {
        const [, ref, id] = /^(.+):([0-9a-f]{40})$/.exec(value) ?? []
        if (ref === undefined || id === undefined) return 'unsupported'
        this.#leases.set(ref, id)
        return 'ok'
      }
      case 'depth':
        this.#depth = /^[1-9]\d*$/.test(value) ? Number(value) : undefined
        return this.#depth === undefined ? `error ${value} is no depth` : 'ok'
      case 'object-format':
        this.#tellsFormat = true
        // git says nothing more, gitremote-helpers(7) has `true` or a format
        return ['', 'true', 'sha1'].includes(value) ? 'ok' : 'error the repository has SHA-1 objects'
      default:
        return 'unsupported'
    }
  }

  /** HEAD is nothing that is pushed to: with --mirror it would be deleted. */
  async #list(forPush: boolean): Promise<void> {
    const state = await (await this.#repository()).state()
    this.#listed = state
    const { head, refs, peeled } = state
    if (this.#tellsFormat) this.#say(':object-format sha1')
    const sorted = [...refs].sort(([a], [b]) => (a < b ? -1 : 1))
    const lines = sorted.flatMap(([name, id]) => {
      const target = forPush ? undefined : peeled.get(name)
      return [`${id} ${name}`, ...(target === undefined ? [] : [`${target} ${name}^{}`])]
    })
    if (head !== undefined && refs.has(head) && !forPush) lines.push(`@${head} HEAD`)
    this.#say(...lines, '')
  }

  async #endBatch(): Promise<boolean> {
    const batch = this.#batch
    this.#batch = []
    if (batch.length === 0) return false
    await requireSha1()
    if (batch[0]?.startsWith('fetch ')) await this.#fetch(batch)
    else await this.#push(batch)
    return true
  }

  async #fetch(batch: readonly string[]): Promise<void> {
    const wanted = batch.map((line) => line.split(' ')[1] ?? '')
    const repository = await this.#repository()
    await repository.fetch(this.#listed ?? (await repository.state()), [...new Set(wanted)], this.#depth)
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
    for (const [at, update] of updates.entries()) {
      const lease = this.#leases.get(update.name)
      // git has looked whether it expects what we listed.
      if (lease !== undefined && lease === (listed.refs.get(update.name) ?? NONE))
        updates[at] = { ...update, force: true }
    }
    const options = {
      atomic: this.#atomic,
      dryRun: this.#dryRun,
      head: await localHead(),
      warn: (line: string) => this.#tell(`warning: ${line}`),
    }
    const { results, made } = await repository.push(updates, listed, options)
    for (const [name, reason] of results)
      this.#say(reason === undefined ? `ok ${name}` : `error ${name} ${oneLine(reason)}`)
    this.#say('')
    // git shows what came of the push, and then waits for us.
    const tell = (line: string) => {
      if (this.#options.verbosity > 0) this.#tell(`riastore: ${line}`)
    }
    if (made === undefined) return
    try {
      const { collectGarbageIfMuch } = await import('./gc.ts')
      await collectGarbageIfMuch(repository, made, tell)
    } catch (error) {
      tell(`the push is done, but the packs were not put together: ${messageOf(error)}`)
    }
  }
}

/**
 * All names of objects in stores are SHA-1. A clone's repository has taken that from us by now,
 * whatever git's default is.
 */
async function requireSha1(): Promise<void> {
  const format = (await git(['rev-parse', '--show-object-format'])).stdout.trim()
  if (format !== 'sha1') throw new Error(`this repository has ${format} objects, the one in the store has sha1`)
}

/** The branch that is checked out here: that of a new repository, too. */
async function localHead(): Promise<string | undefined> {
  const { code, stdout } = await git(['symbolic-ref', '--quiet', 'HEAD'], { mayEndWith: [1, 128] })
  return code === 0 ? stdout.trim() : undefined
}
