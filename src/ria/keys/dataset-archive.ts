import type { Archive } from '../../archive/archive.ts'
import type { IndexCache } from '../../archive/index/index-cache.ts'
import { orAborted } from '../../core/abort.ts'
import { isStoreError } from '../../core/errors.ts'
import type { Key } from '../../core/key.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { archivePath } from '../layout/paths.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'
import { archivedCopy, type Copy } from './copy.ts'
import { findMember } from './member-names.ts'

/** A key in the archive. */
export interface ArchivedKey {
  /** Length in bytes. */
  readonly size: number
  readonly copy: Copy
}

/** All indices of archives together may take so much of the user's disk. Bytes. */
const CACHE_BYTES = 2 * 1024 ** 3

/** The archive of a dataset, as it is at the moment: it is opened anew whenever it was replaced. */
export class DatasetArchive {
  readonly path: string
  readonly #dataset: StoredDataset
  readonly #cacheDirectory: string | undefined
  #current: { readonly identity: string; readonly opening: Promise<Archive> } | undefined
  /** The one before may still be read from. */
  #previous: Promise<Archive> | undefined

  /** `cacheDirectory`: where the index is kept for later processes. */
  constructor(dataset: StoredDataset, cacheDirectory: string | undefined) {
    this.path = archivePath(dataset.directory)
    this.#dataset = dataset
    this.#cacheDirectory = cacheDirectory
  }

  /**
   * `stat`: what the archive's file is now. Throws `conflict` when it is not that any more, and
   * what Archive does.
   */
  async find(key: Key, stat: Stat, { signal }: CallOptions): Promise<ArchivedKey | undefined> {
    const where = this.#dataset.where(this.path)
    const archive = await orAborted(this.#open(stat), 'get', where, signal).catch((error: unknown) => {
      if (!isStoreError(error, 'missing')) throw error
      throw this.#dataset.error('conflict', 'get', 'the archive was removed', { path: this.path, cause: error })
    })
    const member = await findMember(archive, key.text)
    return member && { size: member.size, copy: archivedCopy(where, archive, member) }
  }

  /** Never rejects. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled([this.#previous, this.#current?.opening])
    await Promise.all(opened.map((result) => result.status === 'fulfilled' && result.value?.close()))
  }

  /** Shared by all who ask meanwhile, so no one's signal ends it. */
  #open(stat: Stat): Promise<Archive> {
    if (this.#current?.identity === stat.identity) return this.#current.opening
    this.#previous?.then((archive) => archive.close()).catch(() => {})
    this.#previous = this.#current?.opening
    const current = { identity: stat.identity, opening: this.#openAnew(stat) }
    this.#current = current
    current.opening.catch(() => {
      if (this.#current === current) this.#current = undefined
    })
    return current.opening
  }

  async #openAnew(stat: Stat): Promise<Archive> {
    // Loaded when it is needed: few datasets have an archive.
    const [{ Archive }, { IndexCache }] = await Promise.all([
      import('../../archive/archive.ts'),
      import('../../archive/index/index-cache.ts'),
    ])
    const directory = this.#cacheDirectory
    const cache: IndexCache | undefined = directory ? new IndexCache({ directory, maxBytes: CACHE_BYTES }) : undefined
    return Archive.open(this.#dataset.store, this.path, { stat, cache })
  }
}
