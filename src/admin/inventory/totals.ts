import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { archivedFiles, type KeyCounts, looseFiles } from './count-keys.ts'
import { Fingerprints } from './fingerprints.ts'

/** What a dataset takes up in a store. */
export interface DatasetTotals extends KeyCounts {
  /** Files below its directory, git's and all others; objects in S3. */
  readonly files: number
  /** Of all of them. */
  readonly fileBytes: number
  /** Files of uploads and runs that did not end, or are under way. */
  readonly temporary: number
  readonly temporaryBytes: number
  /** Keys that a dataset which was counted before has, too. */
  readonly shared: number
  readonly sharedBytes: number
}

/** Counts datasets, one after another, and which keys several of them have. */
export class TotalsCounter {
  readonly #keys = new Fingerprints()

  /** Lists all that is below the dataset's directory. Throws StoreError. */
  async count(dataset: StoredDataset, call: CallOptions = {}): Promise<DatasetTotals> {
    const own = new Fingerprints()
    const sum = { loose: 0, looseBytes: 0, archived: 0, archivedBytes: 0, shared: 0, sharedBytes: 0 }
    const add = (key: string, bytes: number) => {
      if (!own.add(key) || this.#keys.add(key)) return // loose and archived, or new
      sum.shared += 1
      sum.sharedBytes += bytes
    }
    for await (const { key, entry } of looseFiles(dataset, call)) {
      sum.loose += 1
      sum.looseBytes += entry.size
      add(key, entry.size)
    }
    for await (const { key, size } of archivedFiles(dataset, call)) {
      sum.archived += 1
      sum.archivedBytes += size
      add(key, size)
    }
    return { ...sum, ...(await countFiles(dataset, call)) }
  }
}

async function countFiles(dataset: StoredDataset, call: CallOptions) {
  const archive = dataset.path('archives/archive.7z')
  let [files, fileBytes, temporary, temporaryBytes, archiveBytes] = [0, 0, 0, 0, 0]
  for await (const { path, size } of dataset.store.list(dataset.directory, call)) {
    files += 1
    fileBytes += size
    if (path === archive) archiveBytes = size
    const isTransfer = /\/ora-remote-[^/]+\/transfer\//.test(path)
    if (!isTransfer && !isTemporaryName(path.slice(path.lastIndexOf('/') + 1))) continue
    temporary += 1
    temporaryBytes += size
  }
  return { files, fileBytes, temporary, temporaryBytes, archiveBytes }
}
