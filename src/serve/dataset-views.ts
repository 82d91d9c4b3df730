import { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { ConfigError } from '../core/errors.ts'
import { aliasDirectory, isDatasetDirectory, readAlias } from '../ria/layout/alias-file.ts'
import { noStore } from '../ria/layout/no-store.ts'
import { datasetDirectory, LAYOUT_FILE } from '../ria/layout/paths.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../store/store.ts'

/** So many datasets are held open: each may have an archive's index in memory. */
const OPEN = 32

/** Layout versions do not change in the lives of datasets, but stores are moved. ms. */
const OPEN_MS = 60_000

interface Opened {
  readonly at: number
  readonly keys: Promise<StoredKeys>
  users: number
  forgotten: boolean
}

/** The datasets of a store that are asked for, with their keys; the archives of some stay open. */
export class DatasetViews {
  readonly store: Store
  readonly #cacheDirectory: string | undefined
  readonly #opened = new Map<string, Opened>()

  /** `cacheDirectory`: where indices of archives are kept. */
  constructor(store: Store, cacheDirectory: string | undefined) {
    this.store = store
    this.#cacheDirectory = cacheDirectory
  }

  /**
   * The dataset with an id or a `~alias`. Undefined means proven absent: the store is there, and
   * the dataset is not. Throws StoreError.
   */
  async find(name: string, call: CallOptions): Promise<StoredDataset | undefined> {
    try {
      return await this.at(name.startsWith('~') ? aliasDirectory(name.slice(1)) : datasetDirectory(name), call)
    } catch (error) {
      if (error instanceof ConfigError) return undefined
      throw error
    }
  }

  /** The same by where it lies: `abc/def-…` or `alias/name`. */
  async at(directory: string, call: CallOptions): Promise<StoredDataset | undefined> {
    const alias = /^alias\/([^/]+)$/.exec(directory)?.[1]
    if (alias === undefined && !isDatasetDirectory(directory)) return undefined
    const real = (alias && (await readAlias(this.store, alias, call))) || directory
    const [ofStore, ofDataset] = await this.store.statAll([LAYOUT_FILE, `${real}/${LAYOUT_FILE}`], call)
    if (ofStore === undefined) throw noStore(this.store)
    return ofDataset && new StoredDataset(this.store, real, alias ? `~${alias}` : real.replace('/', ''))
  }

  /** Works with the keys of a dataset, which stay open meanwhile. Throws StoreError. */
  async withKeys<T>(dataset: StoredDataset, work: (keys: StoredKeys) => Promise<T>): Promise<T> {
    const opened = this.#open(dataset)
    opened.users += 1
    try {
      return await work(await opened.keys)
    } finally {
      opened.users -= 1
      if (opened.forgotten && opened.users === 0) await close(opened)
    }
  }

  /** Those who are at work end theirs. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#opened.keys()].map((directory) => this.#forget(directory)))
  }

  /** Shared by all who ask meanwhile, so no one's signal ends it. */
  #open(dataset: StoredDataset): Opened {
    const { directory } = dataset
    const known = this.#opened.get(directory)
    if (known !== undefined && performance.now() - known.at < OPEN_MS) return known
    void this.#forget(directory)
    const keys = StoredKeys.open(dataset, this.#cacheDirectory)
    const opened = { at: performance.now(), keys, users: 0, forgotten: false }
    this.#opened.set(directory, opened)
    keys.catch(() => {
      if (this.#opened.get(directory) === opened) this.#opened.delete(directory)
    })
    const [oldest] = this.#opened.keys()
    if (this.#opened.size > OPEN && oldest !== undefined) void this.#forget(oldest)
    return opened
  }

  async #forget(directory: string): Promise<void> {
    const known = this.#opened.get(directory)
    if (known === undefined) return
    this.#opened.delete(directory)
    known.forgotten = true
    if (known.users === 0) await close(known)
  }
}

/** Never rejects. */
async function close({ keys }: Opened): Promise<void> {
  await keys.then(
    (opened) => opened.close(),
    () => {},
  )
}
