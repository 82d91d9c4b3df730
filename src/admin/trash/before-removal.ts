import { isStoreError } from '../../core/errors.ts'
import { openAnnexRecords } from '../../git/annex-records.ts'
import { eachDataset } from '../../ria/layout/datasets.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { describeDataset } from '../inventory/describe.ts'

/** A dataset of the store that has another one as a subdataset. */
export interface Parent {
  readonly id: string
  /** Where, in it. */
  readonly path: string
}

/** All datasets of the store whose current branch names this one as a subdataset. */
export async function parentsOf(dataset: StoredDataset, call: CallOptions): Promise<readonly Parent[]> {
  const id = dataset.directory.replace('/', '')
  const found: Parent[] = []
  for await (const other of eachDataset(dataset.store, call)) {
    if (other.directory === dataset.directory) continue
    const { subdatasets = [] } = await describeDataset(other, { ...call, subdatasets: true })
    found.push(...subdatasets.filter((sub) => sub.id === id).map(({ path }) => ({ id: other.name, path })))
  }
  return found
}

/**
 * The repositories and special remotes that git-annex knows of the dataset, a line each, as its
 * uuid.log has them: any of them may have copies.
 */
export async function remotesOf(dataset: StoredDataset, call: CallOptions): Promise<readonly string[]> {
  try {
    const log = await (await openAnnexRecords(dataset, call))?.read('uuid.log')
    const lines = (log ?? '').split('\n')
    return lines.map((line) => line.replace(/ timestamp=\S+$/, '')).filter((line) => line !== '')
  } catch (error) {
    if (!isStoreError(error, 'missing', 'corrupt', 'unsupported')) throw error
    return []
  }
}
