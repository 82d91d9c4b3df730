import type { CallOptions, Stat, Store } from '../../store/store.ts'

/**
 * What was there, by path. Of a file that was looked for twice it is what the first look that saw
 * it saw.
 */
export type Seen = ReadonlyMap<string, Stat>

/** Files that have to be looked up in this order. */
export interface Groups {
  /** Where the key may lie loose. */
  readonly loose: readonly string[]
  /** The archive, and what says that the key was dropped from it. */
  readonly marks: readonly string[]
  /** What tells whether all this was true at one moment. */
  readonly last: readonly string[]
}

/** What is seen of each group, in their order. */
export interface Looks {
  loose(path: string): Promise<Stat | undefined>
  marks(): Promise<Seen>
  last(): Promise<Seen>
}

/** Looks for files, one after another where the backend does not look for all at once. */
export async function lookFor(store: Store, paths: readonly string[], call: CallOptions): Promise<Seen> {
  return seen(paths, await store.statAll(paths, call))
}

/**
 * Looks for groups of files: for all at once where that costs hardly more, else for each when it is
 * asked for.
 */
export async function lookInOrder(store: Store, groups: Groups, call: CallOptions): Promise<Looks> {
  const { loose, marks, last } = groups
  if (!store.traits.looksTogether) {
    return {
      loose: async (path) => (await lookFor(store, [path], call)).get(path),
      marks: () => lookFor(store, marks, call),
      last: () => lookFor(store, last, call),
    }
  }
  const stats = await store.statAll([...loose, ...marks, ...last], call)
  const seenLoose = seen(loose, stats)
  const seenMarks = seen(marks, stats.slice(loose.length))
  const seenLast = seen(last, stats.slice(loose.length + marks.length))
  return { loose: async (path) => seenLoose.get(path), marks: async () => seenMarks, last: async () => seenLast }
}

function seen(paths: readonly string[], stats: readonly (Stat | undefined)[]): Seen {
  const found = new Map<string, Stat>()
  for (const [i, path] of paths.entries()) {
    const stat = stats[i]
    if (stat !== undefined && !found.has(path)) found.set(path, stat)
  }
  return found
}
