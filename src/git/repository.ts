import { isStoreError, messageOf, StoreError } from '../core/errors.ts'
import { aliasDirectory } from '../ria/layout/alias-file.ts'
import { LAYOUT_FILE } from '../ria/layout/paths.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { removeAliasViews, writeAliasViews } from './alias-views.ts'
import type { Replace } from './consolidate.ts'
import { isAncestor, ownObjects, peelTags } from './git.ts'
import { readForeign } from './gits-own-refs.ts'
import { withLoosePacked } from './loose-objects.ts'
import { PackExchange } from './packs.ts'
import { RefLog } from './ref-log.ts'
import { EMPTY_STATE, isRefName, type RefState } from './ref-state.ts'
import { Memory } from './remembered.ts'
import { requirePutIfAbsent, whyLost } from './require-put-if-absent.ts'
import { endShallow, fetchShallow, WHOLE_DEPTH } from './shallow.ts'
import { areViewsTrue, hasFixed, readText, removeLooseRefs, writeFixed, writeViews } from './views.ts'

/** A ref that is to be changed. */
export interface RefUpdate {
  /** Full name. */
  readonly name: string
  /** Object id, undefined to delete it. */
  readonly to: string | undefined
  /** Replace whatever is there. */
  readonly force: boolean
}

export interface PushOptions extends CallOptions {
  readonly atomic?: boolean
  readonly dryRun?: boolean
  /** What HEAD shall point to when the repository has no such branch yet. */
  readonly head?: string | undefined
  /** Told what went wrong after the push was done. */
  readonly warn?: (line: string) => void
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
  readonly #store: Store
  readonly #directory: string
  readonly log: RefLog
  readonly #memory: Memory
  readonly #packs: PackExchange
  readonly #gitDir: string | undefined
  #made: RefState | undefined

  constructor(store: Store, directory: string, { gitDir, shows }: { gitDir: string | undefined; shows: boolean }) {
    this.#store = store
    this.#directory = directory
    this.#gitDir = gitDir
    this.#memory = new Memory(gitDir, `${store.traits.root}\0${directory}`)
    this.log = new RefLog(store, directory, this.#memory)
    this.#packs = new PackExchange(store, directory, gitDir, shows)
  }

  /** The refs now. Throws `missing` when the dataset is not there. */
  async state(call: CallOptions = {}): Promise<RefState> {
    const state = await this.log.newest(call)
    if (state.generation > 0) return state
    const foreign = await readForeign(this.#store, this.#directory, call)
    if (foreign !== undefined) return foreign
    if (await this.#store.stat(`${this.#directory}/${LAYOUT_FILE}`, call)) return EMPTY_STATE
    throw this.#error('missing', `there is no dataset: no ${LAYOUT_FILE}`)
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

  /** What git keeps by itself it may pack anew while it is read: then it is looked for again. */
  async #download(state: RefState, wanted: readonly string[], depth: number | undefined, call: CallOptions) {
    for (let tries = 1, now = state; ; tries++) {
      try {
        if (depth === undefined || depth === WHOLE_DEPTH) return await this.#packs.download(now, wanted, call)
        if (this.#gitDir === undefined) throw new Error('this is no git repository')
        return await fetchShallow(this.#store, this.#directory, this.#gitDir, now, wanted, depth, call)
      } catch (error) {
        if (now.generation > 0 || tries === READS_OF_GITS) throw error
        const before = now
        now = await this.state(call)
        if (isSameStorage(before, now)) throw error
      }
    }
  }

  /**
   * Sees to it that others see this state, the newest, or a newer one: whoever made it may have
   * been killed before it was written for them. Gives whether anything had to be written.
   */
  async mendViews(state: RefState, options: CallOptions & { readonly again?: boolean } = {}): Promise<boolean> {
    const { again = false, ...call } = options
    const { seen, shown } = await this.#memory.load()
    if (state.generation === 0 || (!again && shown !== undefined && shown === seen?.identity)) return false
    if (await this.#isGits(state, call)) return false
    const places = [this.#directory, ...state.aliases.map(aliasDirectory)]
    const [fixed, ...views] = await Promise.all([
      hasFixed(this.#store, this.#directory, call),
      ...places.map((place) => areViewsTrue(this.#store, place, state, call)),
    ])
    const areTrue = fixed && views.every(Boolean)
    if (!fixed) await this.#writeFirst(call)
    if (!areTrue) await this.#publish(await this.state(call), {}, call)
    await this.#rememberShown()
    return !areTrue
  }

  /**
   * Changes refs, `listed` being the state that the decision to do so rests on. Gives for each ref
   * undefined, or why it was not changed, in the words that git knows.
   */
  async push(
    updates: readonly RefUpdate[],
    listed: RefState,
    options: PushOptions = {},
  ): Promise<ReadonlyMap<string, string | undefined>> {
    const { atomic = false, dryRun = false, head, warn, ...call } = options
    let pack: string | undefined
    /** The state whose objects are not in the pack. */
    let base: RefState | undefined
    let current = listed
    for (let tries = 1; tries <= TRIES; tries++) {
      const results = await judge(updates, listed, current, atomic)
      const accepted = updates.filter(({ name }) => results.get(name) === undefined)
      const changes = accepted.filter(({ name, to }) => current.refs.get(name) !== to)
      if (changes.length === 0 || dryRun) return results
      await this.#requireOwn(current, call)
      await requirePutIfAbsent(this.#store, this.#directory, this.#memory, call)
      const packed = await withLoosePacked(this.#store, this.#directory, current, call)
      const wanted = accepted.flatMap(({ to }) => (to === undefined ? [] : [to]))
      if (wanted.length > 0 && !(base && includesAll(packed.packs, base.packs))) {
        pack = await this.#packs.upload(wanted, packed, call)
        base = packed
      }
      const tags = await peelTags(accepted.flatMap(({ name, to }) => (to && name.startsWith('refs/tags/') ? [to] : [])))
      if (await this.#commit(current, nextState(packed, accepted, tags, pack, head), warn, call)) return results
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
        for (const name of aliases) await writeAliasViews(this.#store, this.#directory, name, current, call)
        return
      }
      await this.#requireOwn(current, call)
      await requirePutIfAbsent(this.#store, this.#directory, this.#memory, call)
      const packed = await withLoosePacked(this.#store, this.#directory, current, call)
      const next = { ...packed, generation: current.generation + 1, aliases }
      if (await this.#commit(current, next, undefined, call)) return
    }
    throw this.#error('conflict', `others pushed ${TRIES} times meanwhile: try again`)
  }

  /** Puts packs together if a push made many. */
  async tidyUp(tell: (line: string) => void, call: CallOptions = {}): Promise<void> {
    if (this.#made === undefined) return
    const { collectGarbageIfMuch } = await import('./gc.ts')
    await collectGarbageIfMuch(this.#store, this.#directory, this, this.#made, tell, call)
  }

  /** For what leaves the refs as they are. */
  replaceWith(call: CallOptions = {}): Replace {
    return async (current, next) => {
      await this.#requireOwn(current, call)
      await requirePutIfAbsent(this.#store, this.#directory, this.#memory, call)
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
    this.#made = next
    try {
      if (next.generation === 1) await this.#writeFirst(call)
      await this.#publish(next, { isHeadRight: isShown && current.head === next.head }, call)
      await this.#rememberShown()
    } catch (error) {
      if (warn === undefined || isStoreError(error, 'corrupt')) throw error
      warn(`the push is done, but who reads the repository without riastore does not see it yet: ${messageOf(error)}`)
    }
    return true
  }

  /**
   * Writes the views of a state, and of any newer one that is there by then: whoever pushed last
   * also looks last.
   */
  async #publish(committed: RefState, options: { readonly isHeadRight?: boolean }, call: CallOptions): Promise<void> {
    let before: RefState | undefined
    for (let state: RefState | undefined = committed; state !== undefined; ) {
      await writeViews(this.#store, this.#directory, state, before === undefined ? options : {}, call)
      for (const name of state.aliases) await writeAliasViews(this.#store, this.#directory, name, state, call)
      for (const name of before?.aliases ?? []) {
        if (!state.aliases.includes(name)) await removeAliasViews(this.#store, this.#directory, name, call)
      }
      before = state
      state = await this.log.newerThan(state, call)
    }
    await this.log.requireKept(call).catch(async (error: unknown) => {
      if (!isStoreError(error, 'corrupt')) throw error
      throw await whyLost(this.#store, this.#directory, this.#memory, error, call)
    })
  }

  /** What is there from the first push on. Refs that git wrote are in our log from then on. */
  async #writeFirst(call: CallOptions): Promise<void> {
    if (!this.#store.traits.exec) await removeLooseRefs(this.#store, this.#directory, call)
    await writeFixed(this.#store, this.#directory, call)
  }

  async #rememberShown(): Promise<void> {
    const { seen } = await this.#memory.load()
    if (seen !== undefined) await this.#memory.save({ shown: seen.identity })
  }

  /**
   * A repository that git itself wrote refs to may be written to by git again, which knows nothing
   * of our log.
   */
  async #requireOwn(state: RefState, call: CallOptions): Promise<void> {
    if (!(await this.#isGits(state, call))) return
    throw this.#error('unsupported', 'git itself wrote to this repository: push to it over ssh, or into an empty one')
  }

  /** Where no program can be run it is a copy, which git cannot reach. */
  async #isGits({ generation, refs }: RefState, call: CallOptions): Promise<boolean> {
    if (!this.#store.traits.exec) return false
    if (generation === 0) return refs.size > 0
    // We write no loose refs, and no first line that tells how they were packed.
    for await (const { path } of this.#store.list(`${this.#directory}/refs`, call)) {
      if (isRefName(path.slice(this.#directory.length + 1))) return true
    }
    return (await readText(this.#store, `${this.#directory}/packed-refs`, call))?.startsWith('#') === true
  }

  #error(kind: StoreError['kind'], message: string): StoreError {
    return new StoreError({ kind, op: 'git', where: `${this.#store.traits.root}/${this.#directory}`, message })
  }
}

async function judge(
  updates: readonly RefUpdate[],
  listed: RefState,
  current: RefState,
  atomic: boolean,
): Promise<ReadonlyMap<string, string | undefined>> {
  const results = new Map<string, string | undefined>()
  for (const update of updates) results.set(update.name, await reasonToRefuse(update, listed, current))
  if (atomic && [...results.values()].some((reason) => reason !== undefined)) {
    for (const [name, reason] of results) if (reason === undefined) results.set(name, 'atomic push failed')
  }
  return results
}

/**
 * git has looked at what it knows of; what it does not know of the other side's commits it leaves
 * to us.
 */
async function reasonToRefuse({ name, to, force }: RefUpdate, listed: RefState, current: RefState) {
  if (!isRefName(name)) return 'funny refname'
  const old = current.refs.get(name)
  if (listed.refs.get(name) !== old) return 'fetch first'
  if (to === undefined) return name === current.head ? 'deletion of the current branch prohibited' : undefined
  if (old === undefined || old === to || force) return undefined
  if (name.startsWith('refs/tags/')) return 'already exists'
  if ((await ownObjects([old])).length === 0) return 'fetch first'
  return (await isAncestor(old, to)) ? undefined : 'non-fast forward'
}

function nextState(
  { generation, head, refs, peeled, packs, loose, merged, aliases }: RefState,
  updates: readonly RefUpdate[],
  tags: ReadonlyMap<string, string>,
  pack: string | undefined,
  wantedHead: string | undefined,
): RefState {
  const next = new Map(refs)
  const targets = new Map(peeled)
  for (const { name, to } of updates) {
    if (to === undefined) next.delete(name)
    else next.set(name, to)
    const target = to && tags.get(to)
    if (target) targets.set(name, target)
    else targets.delete(name)
  }
  const isNew = pack !== undefined && !packs.includes(pack)
  return {
    generation: generation + 1,
    head: chooseHead(head, wantedHead, next),
    refs: next,
    peeled: targets,
    packs: isNew ? [...packs, pack] : packs,
    loose,
    merged,
    aliases,
  }
}

/** Whether the objects of two states are kept in the same files. */
function isSameStorage(one: RefState, other: RefState): boolean {
  const files = ({ packs, loose }: RefState) => [...packs, ...loose].sort().join()
  return one.generation === other.generation && files(one) === files(other)
}

function includesAll(all: readonly string[], some: readonly string[]): boolean {
  const set = new Set(all)
  return some.every((each) => set.has(each))
}

/** HEAD stays as it is once its branch is there. */
function chooseHead(head: string | undefined, wanted: string | undefined, refs: ReadonlyMap<string, string>) {
  if (head !== undefined && refs.has(head)) return head
  if (wanted !== undefined && refs.has(wanted)) return wanted
  const branch = [...refs.keys()].find((name) => name.startsWith('refs/heads/') && name !== 'refs/heads/git-annex')
  return branch ?? head
}
