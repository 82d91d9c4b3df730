import { isStoreError } from '../core/errors.ts'
import { aliasesByDirectory } from '../git/alias.ts'
import { realDirectory } from '../ria/layout/datasets.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../store/store.ts'

/** A dataset as JSON names it, in every object that is about one. */
export interface DatasetNames {
  /** Its id. */
  readonly dataset: string
  /** All names that are known of it, sorted, without ~. */
  readonly aliases: readonly string[]
}

/** Finds the id and the aliases of datasets. Lists the aliases of the store at most once. */
export class NameFinder {
  readonly #store: Store
  readonly #looks: boolean
  readonly #call: CallOptions
  /** Names by the directories of their datasets. */
  #all: Promise<ReadonlyMap<string, readonly string[]>> | undefined

  /** `looks`: whether a store is asked at all. */
  constructor(store: Store, looks: boolean, call: CallOptions) {
    this.#store = store
    this.#looks = looks
    this.#call = call
  }

  /** The names of a dataset. Throws StoreError. */
  async namesOf(dataset: StoredDataset): Promise<DatasetNames> {
    const asked = dataset.name.startsWith('~') ? [dataset.name.slice(1)] : []
    if (!this.#looks) return { dataset: dataset.name, aliases: asked }
    this.#all ??= this.#list()
    const real = (await realDirectory(dataset, this.#call)) ?? dataset.directory
    const known = (await this.#all).get(real) ?? []
    return { dataset: idOf(real), aliases: [...new Set([...asked, ...known])].sort() }
  }

  /** A web server lists nothing: there, only the alias by which it was asked is known. */
  async #list(): Promise<ReadonlyMap<string, readonly string[]>> {
    try {
      return await aliasesByDirectory(this.#store, this.#call)
    } catch (error) {
      if (!isStoreError(error, 'unsupported')) throw error
      return new Map()
    }
  }
}

/** The id of a dataset by its directory: `abc/def-…` is `abcdef-…`. */
export function idOf(directory: string): string {
  return directory.replace('/', '')
}
