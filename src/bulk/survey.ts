import type { KeyTable } from '../core/tables/key-table.ts'
import type { CallOptions } from '../store/store.ts'
import type { Clone } from './clone/clone.ts'
import type { WorkDirectory } from './clone/work-directory.ts'
import { BranchListing } from './records/branch-listing.ts'
import { mergeFetched } from './records/merge-fetched.ts'
import { removeMergedRefs } from './records/own-refs.ts'
import { ASK_BY_PATH_KEYS } from './records/read-logs.ts'
import { findKeys, type Selection } from './wanted.ts'

export interface SurveyOptions extends CallOptions {
  readonly presence: 'here' | 'not here'
  /** Nothing is written to the repository. */
  readonly dryRun: boolean
  readonly table: KeyTable
  readonly work: WorkDirectory
  /** A key that was not in the table before. */
  readonly onKey: (number: number) => void
}

/** Keys that are being found. */
export interface Survey {
  /** Resolves when all were found. Rejects as `findKeys` does. */
  readonly found: Promise<void>
  /**
   * Of the git-annex branch; undefined when there are so few keys that their logs are asked for one
   * by one. Rejects as `found` does, and with StoreError.
   */
  readonly listing: Promise<BranchListing | undefined>
  /** Ends what goes on. Never rejects. */
  close(): Promise<void>
}

/**
 * Starts to find the keys of a selection. At the same time git-annex merges what was fetched with
 * the git repository, which says where keys are; and once there are so many keys that their logs
 * will not be asked for one by one, the branch is listed, too.
 */
export function startSurvey(
  clone: Clone,
  selection: Selection,
  { presence, dryRun, table, work, onKey, signal }: SurveyOptions,
): Survey {
  const ending = new AbortController()
  const either = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal])
  const merged = mergeFetched(clone, either).then(() => (dryRun ? undefined : removeMergedRefs(clone)))
  let areMany = () => {}
  const many = new Promise<boolean>((resolve) => {
    areMany = () => resolve(true)
  })
  const finding = findKeys(clone, selection, presence, table, either, (number) => {
    onKey(number)
    if (table.size > ASK_BY_PATH_KEYS) areMany()
  })
  const found = Promise.all([finding, merged]).then(() => {})
  found.catch((error) => ending.abort(error))
  const list = async () => {
    if (!(await Promise.race([many, found.then(() => false)]))) return undefined
    try {
      await merged
      return await BranchListing.make(clone, work, either)
    } catch (error) {
      if (ending.signal.aborted) await found // which says why
      throw error
    }
  }
  const listing = list()
  listing.catch(() => {}) // awaited by who reads it
  const close = async () => {
    ending.abort()
    await Promise.allSettled([finding, merged])
    const unused = await listing.catch(() => undefined)
    unused?.close()
  }
  return { found, listing, close }
}
