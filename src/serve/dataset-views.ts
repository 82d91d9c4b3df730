import { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { orAborted } from '../core/abort.ts'
import { ConfigError, isStoreError } from '../core/errors.ts'
import { BlockCache } from '../git/objects/block-file.ts'
import { ObjectCache } from '../git/objects/object-cache.ts'
import { ObjectReader, type SharedCaches } from '../git/objects/object-reader.ts'
import { readRefs } from '../git/read-remote.ts'
import { Revision, resolveName } from '../git/revision.ts'
import { aliasDirectory, isDatasetDirectory, readAlias } from '../ria/layout/alias-file.ts'
import { directoryOfLink, readAliasLink } from '../ria/layout/alias-link.ts'
import { noStore } from '../ria/layout/no-store.ts'
import { LAYOUT_FILE } from '../ria/layout/paths.ts'
import { readLayout } from '../ria/layout/read-layout.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { Aged } from './aged.ts'
import { type Card, readCard } from './pages/card.ts'

/** So many datasets are held open: each may have an archive's index in memory. */
const OPEN = 32

/** Layout versions do not change in the lives of datasets, but stores are moved. ms. */
const OPEN_MS = 60_000

/** A push, and a change of an alias, is seen after so long at the latest. ms. */
const REFS_MS = 2_000

/** What a commit says does not change; so many are remembered, for the catalogue and its search. */
const CARDS = 1_000
const CARDS_MS = 3_600_000

/** Of each; their trees and blobs are in one cache of all. */
const REVISIONS = 16

const OBJECT_BYTES = 32 * 1024 * 1024

/** What is known of a dataset that is asked for. */
interface Opened {
  readonly at: number
  /** The version of its layout. */
  readonly version: Promise<string>
  readonly keys: Promise<StoredKeys>
  readonly objects: ObjectReader
  /** By the ids that refs lead to. */
  readonly revisions: Aged<Revision>
  users: number
  forgotten: boolean
}

/**
 * The datasets of a store that are asked for. What never changes (commits, trees, indices of
 * archives) stays in memory, within bounds; whether a dataset is there is looked at each time.
 */
export class DatasetViews {
  readonly store: Store
  readonly #cacheDirectory: string | undefined
  readonly #opened = new Map<string, Opened>()
  readonly #aliases = new Aged<string>(REFS_MS, 1_000)
  readonly #refs = new Aged<Awaited<ReturnType<typeof readRefs>>>(REFS_MS, OPEN)
  readonly #cards = new Aged<Card>(CARDS_MS, CARDS)
  readonly #caches: SharedCaches = { blocks: new BlockCache(), objects: new ObjectCache(OBJECT_BYTES) }

  /** `cacheDirectory`: where indices of archives are kept. */
  constructor(store: Store, cacheDirectory: string | undefined) {
    this.store = store
    this.#cacheDirectory = cacheDirectory
  }

  /**
   * The dataset in `abc/def-…` or `alias/name`, whether it is there or not; undefined where none
   * can lie. Throws StoreError.
   */
  async named(directory: string): Promise<StoredDataset | undefined> {
    const alias = /^alias\/([^/]+)$/.exec(directory)?.[1]
    if (alias === undefined && !isDatasetDirectory(directory)) return undefined
    const real = alias === undefined ? directory : await this.#aliases.get(alias, () => this.#follow(alias))
    return new StoredDataset(this.store, real, alias ? `~${alias}` : real.replace('/', ''))
  }

  /** False means proven: the store is there, and the dataset is not. Throws StoreError. */
  async isThere(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
    const [ofStore, ofDataset] = await this.store.statAll([LAYOUT_FILE, dataset.path(LAYOUT_FILE)], call)
    if (ofStore === undefined) throw noStore(this.store)
    return ofDataset !== undefined
  }

  /** Which version of layout a dataset has, `2` for one. Throws StoreError. */
  version(dataset: StoredDataset): Promise<string> {
    return this.#open(dataset).version
  }

  /**
   * The commit that a name leads to, see `resolveName`; undefined when it leads to none. Throws
   * StoreError.
   */
  async revision(dataset: StoredDataset, name: string, { signal }: CallOptions): Promise<Revision | undefined> {
    const { objects, revisions } = this.#open(dataset)
    const find = async () => {
      const id = resolveName(await this.refs(dataset), name)
      return id && revisions.get(id, () => Revision.open(dataset, objects, id))
    }
    try {
      return (await orAborted(find(), 'get', dataset.where(), signal)) || undefined
    } catch (error) {
      if (error instanceof ConfigError) return undefined // the refs were read, and this is none of them
      throw error
    }
  }

  /** What a commit of a dataset says of it. Throws StoreError. */
  card(dataset: StoredDataset, revision: Revision): Promise<Card> {
    return this.#cards.get(`${dataset.directory} ${revision.id}`, () => readCard(revision))
  }

  /** What its branches and tags were not long ago. Throws as `readRefs` does. */
  refs(dataset: StoredDataset): ReturnType<typeof readRefs> {
    return this.#refs.get(dataset.directory, () => readRefs(dataset))
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

  async #follow(alias: string): Promise<string> {
    const real = await readAlias(this.store, alias)
    if (real !== undefined) return real
    const link = await readAliasLink(this.store, alias).catch((error: unknown) => {
      if (!isStoreError(error, 'unsupported')) throw error
    })
    return (link && directoryOfLink(link)) ?? aliasDirectory(alias)
  }

  /** Shared by all who ask meanwhile, so no one's signal ends it. */
  #open(dataset: StoredDataset): Opened {
    const { directory } = dataset
    const known = this.#opened.get(directory)
    if (known !== undefined && performance.now() - known.at < OPEN_MS) return known
    void this.#forget(directory)
    const version = readLayout(dataset, {}).then((layout) => layout.dataset.version)
    const opened: Opened = {
      at: performance.now(),
      version,
      keys: version.then((known) => StoredKeys.of(dataset, known, this.#cacheDirectory)),
      objects: new ObjectReader(dataset, {}, this.#caches),
      revisions: new Aged(OPEN_MS, REVISIONS),
      users: 0,
      forgotten: false,
    }
    this.#opened.set(directory, opened)
    opened.keys.catch(() => {
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
