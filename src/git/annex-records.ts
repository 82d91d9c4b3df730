import { decode } from '../core/text.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { ObjectReader } from './objects/object-reader.ts'
import { readRefs } from './read-remote.ts'
import { type HistoryEntry, Revision } from './revision.ts'

/** The branch in which git-annex keeps its records. */
export const ANNEX_BRANCH = 'refs/heads/git-annex'

/** What git-annex recorded of a dataset, as its repository in a store has it. */
export interface AnnexRecords {
  /**
   * The text of a file at the top of the branch, such as `remote.log`; empty where there is none.
   */
  read(name: string): Promise<string>
  /** The newest commit of the branch. */
  newest(): Promise<HistoryEntry | undefined>
}

/**
 * Reads git-annex's branch of a dataset without a clone; undefined where the store has none. Throws
 * StoreError: `missing` where there is no repository.
 */
export async function openAnnexRecords(dataset: StoredDataset, call: CallOptions): Promise<AnnexRecords | undefined> {
  const branch = (await readRefs(dataset, call)).refs.get(ANNEX_BRANCH)
  if (branch === undefined) return undefined
  const revision = await Revision.open(dataset, new ObjectReader(dataset, call), branch)
  return {
    async read(name) {
      const found = await revision.find(name)
      return found === undefined || found.kind === 'directory' ? '' : decode(await revision.read(found))
    },
    async newest() {
      for await (const entry of revision.history(1)) return entry
      return undefined
    },
  }
}
