/** The refs of a repository, and where its objects are, as of one push. */
export interface RefState {
  /** Counts the pushes; 0: nothing was pushed yet. */
  readonly generation: number
  /** What HEAD points to, `refs/heads/…`; the branch need not exist. */
  readonly head: string | undefined
  /** Object ids by the full names of the refs. */
  readonly refs: ReadonlyMap<string, string>
  /** `pack-<40 hex digits>`, in the order in which they came. */
  readonly packs: readonly string[]
}

export const EMPTY_STATE: RefState = { generation: 0, head: undefined, refs: new Map(), packs: [] }

const FORMAT = 1

/** `token`: tells our own file from that of somebody else who was quicker. */
export function formatState({ generation, head, refs, packs }: RefState, token: string): string {
  const sorted = Object.fromEntries([...refs].sort(([a], [b]) => (a < b ? -1 : 1)))
  const content = { format: FORMAT, generation, token, written: new Date().toISOString(), head, refs: sorted, packs }
  return `${JSON.stringify(content, null, 1)}\n`
}

/** Reads what formatState wrote. Undefined when it is anything else, or not of this generation. */
export function parseState(text: string, generation: number): { state: RefState; token: unknown } | undefined {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || value.format !== FORMAT || value.generation !== generation)
    return undefined
  const { head, refs, packs, token } = value
  if (head !== undefined && !(typeof head === 'string' && isRefName(head))) return undefined
  if (typeof refs !== 'object' || refs === null || Array.isArray(refs)) return undefined
  const entries = Object.entries(refs)
  if (!entries.every(([name, id]) => isRefName(name) && isObjectId(id))) return undefined
  if (!Array.isArray(packs) || !packs.every(isPackName)) return undefined
  return { state: { generation, head, refs: new Map(entries as [string, string][]), packs }, token }
}

export function isObjectId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f]{40}$/.test(id)
}

export function isPackName(name: unknown): name is string {
  return typeof name === 'string' && /^pack-[0-9a-f]{40}$/.test(name)
}

/** Enough that a name is nothing else than a ref's: git itself checks the rest. Source: git-check-ref-format(1). */
export function isRefName(name: string): boolean {
  return /^refs\/(?!\.|.*\/\.)(?!.*(?:\.\.|\/\/|@\{))[^\p{Cc} ~^:?*[\\]+$/u.test(name)
}
