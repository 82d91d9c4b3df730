import { messageOf } from '../../core/errors.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { type Late, onlyInOriginal } from '../copy/late.ts'
import { type RecordedSibling, recordNewPlace } from '../copy/record-place.ts'
import { contentOf, type TrashEntry } from '../trash/entry.ts'

/** Where a dataset is moved to, as clones have to name the store. */
export interface NewPlace {
  readonly url: string
  /** All addresses under which clones may know the store that it was in. */
  readonly old: readonly string[]
}

export interface Recorded {
  /** What git-annex's records in the copy say of the storage sibling. */
  readonly sibling: RecordedSibling | undefined
  /** Why they keep the old address; none: they have the new one, or had another. */
  readonly problems: readonly string[]
}

/** What became of a dataset that is in the trash of its store, and in another one. */
export interface Gone extends Recorded {
  readonly entry: TrashEntry
  /** What came at the last moment, and is in the trash alone. */
  readonly late: Late | undefined
}

/** Gives git-annex's records in a copy the new address. Moving goes on where that fails. */
export async function recordMove(copy: StoredDataset, { url, old }: NewPlace, call: CallOptions): Promise<Recorded> {
  try {
    return { sibling: await recordNewPlace(copy, old, url, call), problems: [] }
  } catch (error) {
    if (call.signal?.aborted) throw error
    const problem = `git-annex's records in the copy keep the old address: ${messageOf(error)}`
    return { sibling: undefined, problems: [problem] }
  }
}

/** What came to an original at the last moment, and is in the trash alone, if anything did. */
export async function lateIn(
  store: Store,
  { path }: TrashEntry,
  copy: StoredDataset,
  call: CallOptions,
): Promise<Late | undefined> {
  const late = await onlyInOriginal(new StoredDataset(store, contentOf(path)), copy, call)
  return late.keys > 0 || late.archive || late.refs.length > 0 ? late : undefined
}
