import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { findSmall, readSmall } from '../../store/read-small.ts'
import type { GetOptions, Store } from '../../store/store.ts'

export interface DatasetErrorOptions {
  /** What it happened to, relative to the store's root. Default: the dataset's directory. */
  readonly path?: string | undefined
  /** Whether the backend may have acted. Default `maybe`. */
  readonly sent?: 'no' | 'maybe'
  readonly cause?: unknown
}

/**
 * A dataset in a store: the handle that everything takes which works on one. It says where the
 * dataset is and what it is called, and knows nothing of what is there; it costs no request.
 */
export class StoredDataset {
  readonly store: Store
  /** Where it lies in the store: `abc/def-…`, or `alias/name`, which is a link to that. */
  readonly directory: string
  /** As a user names it: its id, or `~alias`. Default: the directory. */
  readonly name: string

  constructor(store: Store, directory: string, name: string = directory) {
    this.store = store
    this.directory = directory
    this.name = name
  }

  /** The same dataset, in what `wrap` makes of its store. */
  through(wrap: (store: Store) => Store): StoredDataset {
    return new StoredDataset(wrap(this.store), this.directory, this.name)
  }

  /** The same dataset by another of its places, `alias/name`. */
  at(directory: string): StoredDataset {
    return new StoredDataset(this.store, directory, this.name)
  }

  /** The path of something in the dataset, relative to the store's root. */
  path(name: string): string {
    return `${this.directory}/${name}`
  }

  /** A path as people are told of it. It is relative to the store's root, as all paths are. */
  where(path: string = this.directory): string {
    return `${this.store.traits.root}/${path}`
  }

  /** An error that concerns the dataset, or a file of it. `message` is one line without secrets. */
  error(kind: StoreErrorKind, op: string, message: string, options: DatasetErrorOptions = {}): StoreError {
    const { path, ...more } = options
    return new StoreError({ kind, op, where: this.where(path), message, ...more })
  }

  /** Reads a small file of the dataset, see `readSmall` of the store. `limit` in bytes. */
  readSmall(name: string, limit: number, options: GetOptions = {}): Promise<Buffer> {
    return readSmall(this.store, this.path(name), limit, options)
  }

  /** The same; undefined when there is no such file. */
  findSmall(name: string, limit: number, options: GetOptions = {}): Promise<Buffer | undefined> {
    return findSmall(this.store, this.path(name), limit, options)
  }
}
