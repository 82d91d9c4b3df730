import { type AppendOnlySaid, readAppendOnly } from '../../ria/layout/append-only.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { fileNameOf, keyAtPlace, objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { archivedFiles, type KeyCounts } from './count-keys.ts'
import { Fingerprints } from './fingerprints.ts'

/** What a dataset takes up in a store. */
export interface DatasetTotals extends KeyCounts, Partial<AppendOnlySaid> {
  /** Files below its directory, git's and all others; objects in S3. */
  readonly files: number
  /** Of all of them. */
  readonly fileBytes: number
  /** Files of uploads and runs that did not end, or are under way. */
  readonly temporary: number
  readonly temporaryBytes: number
  /** Those that nobody touched for a day; and locks of git that are older than an hour. */
  readonly stale: number
  readonly staleBytes: number
  /** Directories with something in them, and the dataset's own; none where there are none (S3). */
  readonly directories: number
  /** When its oldest and its newest file were written, in ms since 1970. */
  readonly oldestMs?: number
  readonly newestMs?: number
  /** Keys that a dataset which was counted before has, too. */
  readonly shared: number
  readonly sharedBytes: number
}

/** As `check` has it. ms. */
const STALE_MS = 24 * 3_600_000
const OLD_LOCK_MS = 3_600_000

/** A layout file without flags has a version and the end of a line. Bytes. */
const PLAIN_LAYOUT_BYTES = 2

const TRANSFER = /\/ora-remote-[^/]+\/transfer\//

/** Counts datasets, one after another, and which keys several of them have. */
export class TotalsCounter {
  readonly #keys = new Fingerprints()
  #datasets = 0

  /** Lists all that is below the dataset's directory, once. Throws StoreError. */
  async count(dataset: StoredDataset, call: CallOptions = {}): Promise<DatasetTotals> {
    const sum = { loose: 0, looseBytes: 0, archived: 0, archivedBytes: 0, archiveBytes: 0, shared: 0, sharedBytes: 0 }
    const all = { files: 0, fileBytes: 0, temporary: 0, temporaryBytes: 0, stale: 0, staleBytes: 0 }
    const directories = dataset.store.traits.flat ? undefined : new DirectoryCounter(dataset.directory)
    let [oldestMs, newestMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    const now = Date.now()
    const group = ++this.#datasets
    const add = (key: string, bytes: number) => {
      const before = this.#keys.set(key, group)
      if (before === undefined || before === group) return // new, or loose and archived
      sum.shared += 1
      sum.sharedBytes += bytes
    }
    const objects = `${objectsDirectory(dataset.directory)}/`
    const archive = dataset.path('archives/archive.7z')
    const layout = dataset.path(LAYOUT_FILE)
    let hasArchive = false
    let hasFlags = false
    for await (const { path, size, mtimeMs = now } of dataset.store.list(dataset.directory, call)) {
      all.files += 1
      all.fileBytes += size
      directories?.add(path)
      oldestMs = Math.min(oldestMs, mtimeMs)
      newestMs = Math.max(newestMs, mtimeMs)
      const name = fileNameOf(path)
      if (path === layout) hasFlags = size > PLAIN_LAYOUT_BYTES
      if (path === archive) {
        sum.archiveBytes = size
        hasArchive = true
      }
      const isTemporary = isTemporaryName(name) || TRANSFER.test(path)
      if (isTemporary) {
        all.temporary += 1
        all.temporaryBytes += size
      }
      if (isTemporary ? now - mtimeMs > STALE_MS : isLock(path, objects) && now - mtimeMs > OLD_LOCK_MS) {
        all.stale += 1
        all.staleBytes += size
      }
      if (isTemporary) continue
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
    const times = all.files === 0 ? {} : { oldestMs, newestMs }
    const said = hasFlags ? await readAppendOnly(dataset.store, layout, call) : undefined
    return { ...sum, ...all, directories: directories?.count ?? 0, ...times, ...said }
  }
}

/** A lock of git's. */
const isLock = (path: string, objects: string) => path.endsWith('.lock') && !path.startsWith(objects)

/** Counts the directories of the files that it is told of, in any order. */
class DirectoryCounter {
  readonly #top: string
  readonly #seen = new Fingerprints()
  #ofKeys = 0
  #last = ''

  constructor(top: string) {
    this.#top = top
  }

  get count(): number {
    return this.#seen.size + this.#ofKeys + 1
  }

  add(path: string): void {
    let directory = directoryOf(path)
    if (directory === this.#last) return
    this.#last = directory
    // A key has a directory for itself, which need not be remembered.
    if (directory.endsWith(`/${fileNameOf(path)}`)) {
      this.#ofKeys += 1
      directory = directoryOf(directory)
    }
    while (directory.length > this.#top.length && this.#seen.set(directory, 1) === undefined) {
      directory = directoryOf(directory)
    }
  }
}

const directoryOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))
