import type { DatasetTotals } from '../../../admin/inventory/totals.ts'
import type { Keeping } from '../../../store/keeping.ts'

/** A dataset and what it takes up. */
export type Counted = DatasetTotals & {
  /** Its id. */
  readonly dataset: string
  /** Its names, sorted, without ~. */
  readonly aliases: readonly string[]
  /** Keys that no ref names, and their bytes; undefined: nobody looked, or nobody can tell. */
  readonly unused?: number | undefined
  readonly unusedBytes?: number | undefined
}

/** What belongs to no dataset. */
export interface StoreFacts {
  /** Free space in bytes, where the backend tells. */
  readonly free?: number | undefined
  /** Files in the trash, and their bytes; undefined where we may not look. */
  readonly trash?: number | undefined
  readonly trashBytes?: number | undefined
  readonly appendOnly: boolean
  /** The last day; undefined: there is none. */
  readonly appendOnlyUntil?: string | undefined
  /** What the server keeps of what is replaced or removed; undefined: there is no such server. */
  readonly keeping?: Keeping | undefined
  /** It has no directories, and so no inodes: files are objects. */
  readonly flat: boolean
}

/** What `stat` tells of a store. */
export interface Numbers {
  /** The store's URL without a password, or its path. */
  readonly store: string
  readonly counted: readonly Counted[]
  readonly sum: Sum
  readonly facts: StoreFacts
  /** When the counting began. ms since 1970. */
  readonly countedMs: number
  /** It was counted by an earlier run. */
  readonly isKept: boolean
}

const NUMBERS = [
  'loose',
  'looseBytes',
  'archived',
  'archivedBytes',
  'archiveBytes',
  'files',
  'fileBytes',
  'directories',
  'temporary',
  'temporaryBytes',
  'stale',
  'staleBytes',
  'shared',
  'sharedBytes',
] as const

/** All datasets together. */
export type Sum = Readonly<Record<(typeof NUMBERS)[number] | 'keys' | 'bytes' | 'saved' | 'savedBytes', number>> & {
  /** Of the datasets of which it is known; undefined: of none. */
  readonly unused: number | undefined
  readonly unusedBytes: number | undefined
  readonly oldestMs: number | undefined
  readonly newestMs: number | undefined
}

/** Whether something that was read from a file is what was counted of a dataset. */
export function isCounted(data: unknown): data is Counted {
  const found = data as Partial<Record<string, unknown>> | null | undefined
  return (
    typeof found?.dataset === 'string' &&
    Array.isArray(found.aliases) &&
    NUMBERS.every((name) => typeof found[name] === 'number')
  )
}

/** Adds up. `flat`: there are no directories. */
export function sumOf(all: readonly Counted[], flat: boolean): Sum {
  const sums = Object.fromEntries(NUMBERS.map((name) => [name, 0])) as Record<(typeof NUMBERS)[number], number>
  let [saved, savedBytes, unused, unusedBytes] = [0, 0, 0, 0]
  let [oldestMs, newestMs, looked] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (const each of all) {
    for (const name of NUMBERS) sums[name] += each[name]
    saved += savedFiles(each, flat)
    savedBytes += Math.max(0, each.archivedBytes - each.archiveBytes)
    if (each.unused !== undefined) {
      looked += 1
      unused += each.unused
      unusedBytes += each.unusedBytes ?? 0
    }
    oldestMs = Math.min(oldestMs, each.oldestMs ?? oldestMs)
    newestMs = Math.max(newestMs, each.newestMs ?? newestMs)
  }
  return {
    keys: sums.loose + sums.archived,
    bytes: sums.looseBytes + sums.archivedBytes,
    ...sums,
    saved,
    savedBytes,
    unused: looked > 0 ? unused : undefined,
    unusedBytes: looked > 0 ? unusedBytes : undefined,
    oldestMs: Number.isFinite(oldestMs) ? oldestMs : undefined,
    newestMs: Number.isFinite(newestMs) ? newestMs : undefined,
  }
}

/** A loose key is a file in a directory of its own, an archive one file in one directory. */
function savedFiles({ archived }: Counted, flat: boolean): number {
  const each = flat ? 1 : 2
  return Math.max(0, (archived - 1) * each)
}

/** What people know a dataset by: one of its names, else its id. */
export function nameOf({ dataset, aliases }: Counted): string {
  return aliases[0] === undefined ? dataset : `~${aliases[0]}`
}
