import { fileNameOf, keyAtPlace, objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { archivedFiles, type KeyCounts } from './count-keys.ts'
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

const TRANSFER = /\/ora-remote-[^/]+\/transfer\//

/** Counts datasets, one after another, and which keys several of them have. */
export class TotalsCounter {
  readonly #keys = new Fingerprints()
  #datasets = 0

  /** Lists all that is below the dataset's directory, once. Throws StoreError. */
  async count(dataset: StoredDataset, call: CallOptions = {}): Promise<DatasetTotals> {
    const sum = { loose: 0, looseBytes: 0, archived: 0, archivedBytes: 0, archiveBytes: 0, shared: 0, sharedBytes: 0 }
    const all = { files: 0, fileBytes: 0, temporary: 0, temporaryBytes: 0 }
    const group = ++this.#datasets
    const add = (key: string, bytes: number) => {
      const before = this.#keys.set(key, group)
      if (before === undefined || before === group) return // new, or loose and archived
      sum.shared += 1
      sum.sharedBytes += bytes
    }
    const objects = `${objectsDirectory(dataset.directory)}/`
    const archive = dataset.path('archives/archive.7z')
    let hasArchive = false
    for await (const { path, size } of dataset.store.list(dataset.directory, call)) {
      all.files += 1
      all.fileBytes += size
      const name = fileNameOf(path)
      if (path === archive) {
        sum.archiveBytes = size
        hasArchive = true
      }
      if (isTemporaryName(name) || TRANSFER.test(path)) {
        all.temporary += 1
        all.temporaryBytes += size
        continue
      }
      const found = path.startsWith(objects) ? keyAtPlace(path.slice(objects.length)) : undefined
      if (found === undefined) continue
      sum.loose += 1
      sum.looseBytes += size
      add(found.key, size)
    }
    for await (const { key, size } of hasArchive ? archivedFiles(dataset, call) : []) {
      sum.archived += 1
      sum.archivedBytes += size
      add(key, size)
    }
    return { ...sum, ...all }
  }
}
