import { messageOf, StoreError } from '../core/errors.ts'
import { LAYOUT_FILE } from '../ria/layout.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { readForeign } from './foreign.ts'
import { isAncestor, ownObjects } from './git.ts'
import { PackExchange } from './packs.ts'
import { RefLog } from './ref-log.ts'
import { EMPTY_STATE, isRefName, type RefState } from './ref-state.ts'
import { writeViews } from './views.ts'

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

/** A bare repository of a dataset on a store without git. Every method rejects with StoreError, GitError, or an Error in one line. */
export class StoredRepository {
  readonly #store: Store
  readonly #directory: string
  readonly #log: RefLog
  readonly #packs: PackExchange

  constructor(store: Store, directory: string, { gitDir, shows }: { gitDir: string | undefined; shows: boolean }) {
    this.#store = store
    this.#directory = directory
    this.#log = new RefLog(store, directory)
    this.#packs = new PackExchange(store, directory, gitDir, shows)
  }

  /** The refs now. Throws `missing` when the dataset is not there. */
  async state(call: CallOptions = {}): Promise<RefState> {
    const state = await this.#log.newest(call)
    if (state.generation > 0) return state
    const foreign = await readForeign(this.#store, this.#directory, call)
    if (foreign !== undefined) return foreign
    if (await this.#store.stat(`${this.#directory}/${LAYOUT_FILE}`, call)) return EMPTY_STATE
    throw this.#error('missing', `there is no dataset: no ${LAYOUT_FILE}`)
  }

  /** Gets all objects that `wanted` ones need. */
  async fetch(wanted: readonly string[], call: CallOptions = {}): Promise<void> {
    await this.#packs.download((await this.state(call)).packs, wanted, call)
  }

  /**
   * Changes refs, `listed` being the state that the decision to do so rests on. Gives for each ref undefined, or why it was not changed, in the words that
   * git knows.
   */
  async push(
    updates: readonly RefUpdate[],
    listed: RefState,
    options: PushOptions = {},
  ): Promise<ReadonlyMap<string, string | undefined>> {
    const { atomic = false, dryRun = false, head, warn, ...call } = options
    let pack: string | undefined
    let isPacked = false
    let current = listed
    for (let tries = 1; tries <= TRIES; tries++) {
      const results = await judge(updates, listed, current, atomic)
      const accepted = updates.filter(({ name }) => results.get(name) === undefined)
      if (accepted.length === 0 || dryRun) return results
      await this.#requireOwn(current, call)
      const wanted = accepted.flatMap(({ to }) => (to === undefined ? [] : [to]))
      if (wanted.length > 0 && !isPacked) {
        pack = await this.#packs.upload(wanted, current.refs.values(), call)
        isPacked = true
      }
      const next = nextState(current, accepted, pack, head)
      if (await this.#log.commit(next, call)) {
        await writeViews(this.#store, this.#directory, this.#log, next, call).catch((error: unknown) => {
          warn?.(
            `the push is done, but who reads the repository without riastore does not see it yet: ${messageOf(error)}`,
          )
        })
        return results
      }
      current = await this.state(call) // somebody else was quicker
    }
    throw this.#error('conflict', `others pushed ${TRIES} times meanwhile: try again`)
  }

  /** A repository that git itself wrote refs to may be written to by git again, which knows nothing of our log. */
  async #requireOwn({ generation, refs }: RefState, call: CallOptions): Promise<void> {
    const isForeign = generation === 0 ? refs.size > 0 : this.#store.traits.exec && (await this.#hasLooseRefs(call))
    if (!isForeign) return
    throw this.#error('unsupported', 'git itself wrote to this repository: push to it over ssh, or into an empty one')
  }

  /** We write none. */
  async #hasLooseRefs(call: CallOptions): Promise<boolean> {
    const refs = `${this.#directory}/refs`
    for await (const { path } of this.#store.list(refs, call))
      if (isRefName(path.slice(this.#directory.length + 1))) return true
    return false
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

/** git has looked at what it knows of; what it does not know of the other side's commits it leaves to us. */
async function reasonToRefuse({ name, to, force }: RefUpdate, listed: RefState, current: RefState) {
  const old = current.refs.get(name)
  if (listed.refs.get(name) !== old) return 'fetch first'
  if (to === undefined) return name === current.head ? 'deletion of the current branch prohibited' : undefined
  if (old === undefined || old === to || force) return undefined
  if (name.startsWith('refs/tags/')) return 'already exists'
  if ((await ownObjects([old])).length === 0) return 'fetch first'
  return (await isAncestor(old, to)) ? undefined : 'non-fast forward'
}

function nextState(
  { generation, head, refs, packs }: RefState,
  updates: readonly RefUpdate[],
  pack: string | undefined,
  wantedHead: string | undefined,
): RefState {
  const next = new Map(refs)
  for (const { name, to } of updates) {
    if (to === undefined) next.delete(name)
    else next.set(name, to)
  }
  const isNew = pack !== undefined && !packs.includes(pack)
  return {
    generation: generation + 1,
    head: chooseHead(head, wantedHead, next),
    refs: next,
    packs: isNew ? [...packs, pack] : packs,
  }
}

/** HEAD stays as it is once its branch is there. */
function chooseHead(head: string | undefined, wanted: string | undefined, refs: ReadonlyMap<string, string>) {
  if (head !== undefined && refs.has(head)) return head
  if (wanted !== undefined && refs.has(wanted)) return wanted
  const branch = [...refs.keys()].find((name) => name.startsWith('refs/heads/') && name !== 'refs/heads/git-annex')
  return branch ?? head
}
