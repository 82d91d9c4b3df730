/** The refs of a repository, and where its objects are, as of one push. */
export interface RefState {
  /** Counts the pushes; 0: nothing was pushed yet. */
  readonly generation: number
  /** What HEAD points to, `refs/heads/…`; the branch need not exist. */
  readonly head: string | undefined
  /** Object ids by the full names of the refs. */
  readonly refs: ReadonlyMap<string, string>
  /** What annotated tags are of, by the full names of their refs. */
  readonly peeled: ReadonlyMap<string, string>
  /** `pack-<40 hex digits>`, in the order in which they came. */
  readonly packs: readonly string[]
  /**
   * Objects that git keeps as files of their own, by their ids. Only a repository that git itself
   * wrote (generation 0) has any: whoever makes the first generation packs them.
   */
  readonly loose: readonly string[]
  /**
   * Of some packs: those whose objects they took over. A clone that has all of them need not
   * download it.
   */
  readonly merged: ReadonlyMap<string, readonly string[]>
  /** The dataset's names in a store that has no symbolic links; sorted. */
  readonly aliases: readonly string[]
}

export const EMPTY_STATE: RefState = {
  generation: 0,
  head: undefined,
  refs: new Map(),
  peeled: new Map(),
  packs: [],
  loose: [],
  merged: new Map(),
  aliases: [],
}

const FORMAT = 1

/** A state as its file says it. */
export interface ParsedState {
  readonly state: RefState
  readonly token: unknown
  /** The token of the state that it was made from. */
  readonly after: unknown
}

/**
 * `token`: tells our own file from that of somebody else who was quicker. `after`: that of the
 * state before.
 */
export function formatState(
  { generation, head, refs, peeled, packs, merged, aliases }: RefState,
  token: string,
  after?: string,
): string {
  const sorted = Object.fromEntries([...refs].sort(([a], [b]) => (a < b ? -1 : 1)))
  const written = new Date().toISOString()
  const names = aliases.length > 0 ? { aliases } : {}
  const tags = peeled.size > 0 ? { peeled: Object.fromEntries(peeled) } : {}
  const from = merged.size > 0 ? { merged: Object.fromEntries(merged) } : {}
  const content = {
    format: FORMAT,
    generation,
    token,
    after,
    written,
    head,
    refs: sorted,
    ...tags,
    packs,
    ...from,
    ...names,
  }
  return `${JSON.stringify(content, null, 1)}\n`
}

/** Reads what formatState wrote. Undefined when it is anything else, or not of this generation. */
export function parseState(text: string, generation: number): ParsedState | undefined {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || value.format !== FORMAT || value.generation !== generation)
    return undefined
  const { head, refs, peeled = {}, packs, merged = {}, aliases = [], token, after } = value
  if (head !== undefined && !(typeof head === 'string' && isRefName(head))) return undefined
  const ids = parseIds(refs)
  const targets = parseIds(peeled)
  if (ids === undefined || targets === undefined) return undefined
  if (!Array.isArray(packs) || !packs.every(isPackName)) return undefined
  if (!Array.isArray(aliases) || !aliases.every(isAliasName)) return undefined
  if (typeof merged !== 'object' || merged === null) return undefined
  const replaced = Object.entries(merged)
  if (!replaced.every(([name, all]) => isPackName(name) && Array.isArray(all) && all.every(isPackName)))
    return undefined
  const state = { generation, head, refs: ids, peeled: targets, packs, loose: [], aliases }
  return { state: { ...state, merged: new Map(replaced) }, token, after }
}

/** Object ids by the names of refs. */
function parseIds(value: unknown): ReadonlyMap<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value)
  return entries.every(([name, id]) => isRefName(name) && isObjectId(id)) ? new Map(entries) : undefined
}

function isAliasName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !/[/\\\p{Cc}]/u.test(name)
}

export function isObjectId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f]{40}$/.test(id)
}

export function isPackName(name: unknown): name is string {
  return typeof name === 'string' && /^pack-[0-9a-f]{40}$/.test(name)
}

/**
 * Enough that a name is nothing else than a ref's: git itself checks the rest. Source:
 * git-check-ref-format(1).
 */
export function isRefName(name: string): boolean {
  return /^refs\/(?!\.|.*\/\.)(?!.*(?:\.\.|\/\/|@\{))[^\p{Cc} ~^:?*[\\]+$/u.test(name)
}
