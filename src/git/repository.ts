import { isStoreError, messageOf, type StoreError } from '../core/errors.ts'
import { isAppendOnly } from '../ria/layout/append-only.ts'
import { fateOf } from '../ria/layout/gravestone.ts'
import { LAYOUT_FILE } from '../ria/layout/paths.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { writeAliasViews } from './alias-views.ts'
import type { Replace } from './consolidate.ts'
import { isAncestor, ownObjects, peelTags } from './objects/git.ts'
import { withLoosePacked } from './objects/loose-objects.ts'
import { PackExchange } from './objects/packs.ts'
import { endShallow, fetchShallow, WHOLE_DEPTH } from './objects/shallow.ts'
import { PublishedViews } from './published-views.ts'
import { type History, includesAll, judge, nextState, type RefUpdate } from './push-rules.ts'
import { readForeign } from './refs/gits-own-refs.ts'
import { RefLog } from './refs/ref-log.ts'
import { EMPTY_STATE, type RefState } from './refs/ref-state.ts'
import { Memory } from './refs/remembered.ts'
import { requirePutIfAbsent } from './refs/require-put-if-absent.ts'

export interface PushOptions extends CallOptions {
  readonly atomic?: boolean
  readonly dryRun?: boolean
  /** What HEAD shall point to when the repository has no such branch yet. */
  readonly head?: string | undefined
  /** Told what went wrong after the push was done. */
  readonly warn?: (line: string) => void
}

/** What came of a push. */
export interface Pushed {
  /** By ref: undefined, or why it was not changed, in the words that git knows. */
  readonly results: ReadonlyMap<string, string | undefined>
  /** The state that it made; undefined when it changed nothing. */
  readonly made: RefState | undefined
}

/** The repository that git started us in. */
const OURS: History = {
  has: async (id) => (await ownObjects([id])).length > 0,
  isAncestor,
}

/** Somebody else pushes all the time: after so many lost races it is an error. */
const TRIES = 20

/** So often git may pack its repository anew while it is read. */
const READS_OF_GITS = 3

/**
 * A bare repository of a dataset on a store without git. Every method rejects with StoreError,
 * GitError, or an Error in one line.
 */
export class StoredRepository {
  readonly dataset: StoredDataset
  readonly log: RefLog
  readonly #memory: Memory
  readonly #packs: PackExchange
  readonly #views: PublishedViews
  readonly #gitDir: string | undefined

  constructor(dataset: StoredDataset, { gitDir, shows }: { gitDir: string | undefined; shows: boolean }) {
    this.dataset = dataset
    this.#gitDir = gitDir
    this.#memory = new Memory(gitDir, `${dataset.store.traits.root}\0${dataset.directory}`)
    this.log = new RefLog(dataset, this.#memory)
    this.#views = new PublishedViews(dataset, this.log, this.#memory)
    this.#packs = new PackExchange(dataset, gitDir, shows)
  }

  /** The refs now. Throws `missing` when the dataset is not there. */
  async state(call: CallOptions = {}): Promise<RefState> {
    const state = await this.log.newest(call)
    if (state.generation > 0) return state
    const foreign = await readForeign(this.dataset, call)
    if (foreign !== undefined) return foreign
    if (await this.dataset.store.stat(this.dataset.path(LAYOUT_FILE), call)) return EMPTY_STATE
    throw this.#error('missing', `there is no dataset: no ${LAYOUT_FILE}${await fateOf(this.dataset, call)}`)
  }

  /**
   * Gets all objects that `wanted` ones of a state need, or no more than `depth` commits of them.
   * Files for others that are not true are mended on the way, if we may.
   */
  async fetch(state: RefState, wanted: readonly string[], depth?: number, call: CallOptions = {}): Promise<void> {
    const mending = this.mendViews(state, call).catch(() => {}) // others' business: a reader gets what is asked for
    await this.#download(state, wanted, depth, call)
    if (depth === WHOLE_DEPTH) await endShallow()
    await mending
  }

  /**
   * Sees to it that others see this state, the newest, or a newer one: whoever made it may have
   * been killed before it was written for them. Returns whether anything had to be written.
   */
  mendViews(state: RefState, options: CallOptions & { readonly again?: boolean } = {}): Promise<boolean> {
    return this.#views.mend(state, () => this.state(options), options)
  }

  /** What git keeps by itself it may pack anew while it is read: then it is looked for again. */
  async #download(state: RefState, wanted: readonly string[], depth: number | undefined, call: CallOptions) {
    for (let tries = 1, now = state; ; tries++) {
      try {
        if (depth === undefined || depth === WHOLE_DEPTH) return await this.#packs.download(now, wanted, call)
        if (this.#gitDir === undefined) throw new Error('this is no git repository')
        return await fetchShallow(this.dataset, this.#gitDir, now, wanted, depth, call)
      } catch (error) {
        if (now.generation > 0 || tries === READS_OF_GITS) throw error
        const before = now
        now = await this.state(call)
        if (isSameStorage(before, now)) throw error
      }
    }
  }

  /**
   * Changes refs. `listed` is the state by which that was decided.
   */
  async push(updates: readonly RefUpdate[], listed: RefState, options: PushOptions = {}): Promise<Pushed> {
    const { atomic = false, dryRun = false, head, warn, ...call } = options
    let pack: string | undefined
    /** The state whose objects are not in the pack. */
    let base: RefState | undefined
    let current = listed
    const mayLose = updates.some(({ to, force }) => to === undefined || force)
    const appendOnly = mayLose && (await isAppendOnly(this.dataset.store, this.dataset.directory, call))
    for (let tries = 1; tries <= TRIES; tries++) {
      const results = await judge(updates, listed, current, { atomic, history: OURS, appendOnly })
      const accepted = updates.filter(({ name }) => results.get(name) === undefined)
      const changes = accepted.filter(({ name, to }) => current.refs.get(name) !== to)
      if (changes.length === 0 || dryRun) return { results, made: undefined }
      await this.#requireOwn(current, call)
      await requirePutIfAbsent(this.dataset, this.#memory, call)
      const packed = await withLoosePacked(this.dataset, current, call)
      const wanted = accepted.flatMap(({ to }) => (to === undefined ? [] : [to]))
      if (wanted.length > 0 && !(base && includesAll(packed.packs, base.packs))) {
        pack = await this.#packs.upload(wanted, packed, call)
        base = packed
      }
      const tags = await peelTags(accepted.flatMap(({ name, to }) => (to && name.startsWith('refs/tags/') ? [to] : [])))
      const made = nextState(packed, accepted, tags, pack, head)
      if (await this.#commit(current, made, warn, call)) return { results, made }
      current = await this.state(call) // somebody else was quicker
    }
    throw this.#error('conflict', `others pushed ${TRIES} times meanwhile: try again`)
  }

  /**
   * Changes the names by which the dataset is known. They are made and removed by the caller: here
   * they are written down.
   */
  async changeAliases(change: (names: readonly string[]) => readonly string[], call: CallOptions = {}): Promise<void> {
    for (let tries = 1; tries <= TRIES; tries++) {
      const current = await this.state(call)
      const aliases = [...new Set(change(current.aliases))].sort()
      if (aliases.join('/') === current.aliases.join('/')) {
        // Whoever gave the name may have been killed before it led anywhere.
        for (const name of aliases) await writeAliasViews(this.dataset, name, current, call)
        return
      }
      await this.#requireOwn(current, call)
      await requirePutIfAbsent(this.dataset, this.#memory, call)
      const packed = await withLoosePacked(this.dataset, current, call)
      const next = { ...packed, generation: current.generation + 1, aliases }
      if (await this.#commit(current, next, undefined, call)) return
    }
    throw this.#error('conflict', `others pushed ${TRIES} times meanwhile: try again`)
  }

  /** For what leaves the refs as they are. */
  replaceWith(call: CallOptions = {}): Replace {
    return async (current, next) => {
      await this.#requireOwn(current, call)
      await requirePutIfAbsent(this.dataset, this.#memory, call)
      return (await this.#commit(current, next, undefined, call)) ? undefined : this.state(call)
    }
  }

  /**
   * False when somebody else was quicker. What goes wrong after it is done is told, if there is
   * somebody to tell.
   */
  async #commit(
    current: RefState,
    next: RefState,
    warn: ((line: string) => void) | undefined,
    call: CallOptions,
  ): Promise<boolean> {
    if (next.loose.length > 0) throw new Error('a generation names packs only')
    const { seen, shown } = await this.#memory.load()
    const isShown = seen?.generation === current.generation && seen.identity === shown
    if (!(await this.log.commit(next, call))) return false
    try {
      await this.#views.publish(next, { isHeadRight: isShown && current.head === next.head }, call)
    } catch (error) {
      if (warn === undefined || isStoreError(error, 'corrupt')) throw error
      warn(`the push is done, but who reads the repository without riastore does not see it yet: ${messageOf(error)}`)
    }
    return true
  }

  /**
   * A repository that git itself wrote refs to may be written to by git again, which knows nothing
   * of our log.
   */
  async #requireOwn(state: RefState, call: CallOptions): Promise<void> {
    if (!(await this.#views.areGits(state, call))) return
    throw this.#error('unsupported', 'git itself wrote to this repository: push to it over ssh, or into an empty one')
  }

  #error(kind: StoreError['kind'], message: string): StoreError {
    return this.dataset.error(kind, 'git', message)
  }
}

/** Whether the objects of two states are kept in the same files. */
function isSameStorage(one: RefState, other: RefState): boolean {
  const files = ({ packs, loose }: RefState) => [...packs, ...loose].sort().join()
  return one.generation === other.generation && files(one) === files(other)
}
