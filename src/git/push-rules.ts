import { isRefName, type RefState } from './refs/ref-state.ts'

/** A ref that is to be changed. */
export interface RefUpdate {
  /** Full name. */
  readonly name: string
  /** Object id, undefined to delete it. */
  readonly to: string | undefined
  /** Replace whatever is there. */
  readonly force: boolean
}

/** What the pusher's own repository knows of commits. */
export interface History {
  has(id: string): Promise<boolean>
  isAncestor(ancestor: string, of: string): Promise<boolean>
}

export interface JudgeOptions {
  readonly atomic: boolean
  readonly history: History
  /** No ref is deleted, nor moved but forward. */
  readonly appendOnly?: boolean | undefined
}

/**
 * Decides which refs may be changed: for each undefined, or why not, in the words that git knows.
 * `listed` is the state that whoever pushes has decided by, `current` the one that is there. With
 * `atomic`, one that may not be changed is enough for none to be.
 */
export async function judge(
  updates: readonly RefUpdate[],
  listed: RefState,
  current: RefState,
  { atomic, history, appendOnly = false }: JudgeOptions,
): Promise<ReadonlyMap<string, string | undefined>> {
  const results = new Map<string, string | undefined>()
  for (const update of updates)
    results.set(
      update.name,
      await reasonToRefuse(appendOnly ? { ...update, force: false } : update, listed, current, history, appendOnly),
    )
  if (atomic && [...results.values()].some((reason) => reason !== undefined)) {
    for (const [name, reason] of results) if (reason === undefined) results.set(name, 'atomic push failed')
  }
  return results
}

/**
 * git has looked at what it knows of; what it does not know of the other side's commits it leaves
 * to us.
 */
async function reasonToRefuse(
  { name, to, force }: RefUpdate,
  listed: RefState,
  current: RefState,
  history: History,
  appendOnly: boolean,
): Promise<string | undefined> {
  if (!isRefName(name)) return 'funny refname'
  const old = current.refs.get(name)
  if (listed.refs.get(name) !== old) return 'fetch first'
  if (to === undefined && appendOnly) return 'the store is append-only'
  if (to === undefined) return name === current.head ? 'deletion of the current branch prohibited' : undefined
  if (old === undefined || old === to || force) return undefined
  if (name.startsWith('refs/tags/')) return 'already exists'
  if (!(await history.has(old))) return 'fetch first'
  return (await history.isAncestor(old, to)) ? undefined : 'non-fast forward'
}

/**
 * The state that a push makes: these updates, one more pack, and HEAD where there was no branch for
 * it.
 */
export function nextState(
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

/** Whether a state's packs are all among others. */
export function includesAll(all: readonly string[], some: readonly string[]): boolean {
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
