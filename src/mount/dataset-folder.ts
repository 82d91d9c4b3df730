import { openRevision } from '../admin/inventory/files.ts'
import { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { checksumOf } from '../core/checksum.ts'
import { isStoreError } from '../core/errors.ts'
import { parseKey } from '../core/key.ts'
import { inOrder } from '../core/parallel.ts'
import { encode } from '../core/text.ts'
import { annexKeyOf } from '../git/annexed-file.ts'
import type { Revision, RevisionEntry } from '../git/revision.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { KeyCache } from './cache/key-cache.ts'
import type { KeySource } from './cache/key-source.ts'
import { FuseError } from './fuse/opcodes.ts'
import type { Found, OpenFile } from './tree.ts'

export interface DatasetFolderOptions {
  readonly cache: KeyCache
  /** Where indices of archives are kept. */
  readonly indexDirectory: string
  /** Ends all that is under way. */
  readonly signal: AbortSignal
  /** A key was read whole, and is good. `name`: what it is called in the cache. */
  readonly onWhole?: ((key: string, name: string) => void) | undefined
}

const EMPTY: OpenFile = { isGood: true, read: async () => Buffer.alloc(0), close: () => {} }

/** The files of a commit of a dataset, annexed or in git, as a folder has them. */
export class DatasetFolder {
  readonly #dataset: StoredDataset
  readonly #revision: Revision
  readonly #keys: StoredKeys
  readonly #options: DatasetFolderOptions

  private constructor(dataset: StoredDataset, revision: Revision, keys: StoredKeys, options: DatasetFolderOptions) {
    this.#dataset = dataset
    this.#revision = revision
    this.#keys = keys
    this.#options = options
  }

  /**
   * Opens the commit that `ref` names now; what is pushed later is not seen. Throws as
   * `openRevision` does.
   */
  static async open(
    dataset: StoredDataset,
    ref: string | undefined,
    options: DatasetFolderOptions,
  ): Promise<DatasetFolder> {
    const { indexDirectory, signal } = options
    const revision = await openRevision(dataset, ref, { signal })
    const keys = await StoredKeys.open(dataset, indexDirectory, { signal })
    return new DatasetFolder(dataset, revision, keys, options)
  }

  get commit(): string {
    return this.#revision.id
  }

  /** The folder itself. */
  top(name: Buffer): Found {
    return this.#directory({ path: '', name: '', kind: 'directory', id: this.#revision.commit.tree }, name)
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#keys.close()
  }

  #directory(entry: RevisionEntry, name: Buffer): Found {
    const list = () => (entry.kind === 'directory' ? this.#list(entry) : Promise.resolve([]))
    return { kind: 'directory', name, mode: 0o555, modifiedMs: this.#modifiedMs, list }
  }

  async #list(directory: RevisionEntry): Promise<readonly Found[]> {
    const { maxInFlight } = this.#dataset.store.traits
    const found: Found[] = []
    const entries = this.#revision.list(directory, false)
    for await (const each of inOrder(entries, maxInFlight, (entry) => this.#found(entry))) found.push(each)
    return found
  }

  async #found(entry: RevisionEntry): Promise<Found> {
    const name = encode(entry.name)
    if (entry.kind === 'directory' || entry.kind === 'subdataset') return this.#directory(entry, name)
    const common = { name, modifiedMs: this.#modifiedMs, mode: entry.kind === 'executable' ? 0o555 : 0o444 }
    const key = await annexKeyOf(this.#revision, entry)
    if (key !== undefined) {
      const size = await this.#keys.sizeOf(key, this.#call)
      // Content that comes later would be taken for an empty file.
      const open = async () => (size === undefined ? absent() : this.#openKey(key, size))
      return { ...common, kind: 'file', size: size ?? 0, open }
    }
    if (entry.kind === 'link') {
      return { ...common, kind: 'link', mode: 0o777, target: await this.#revision.read(entry) }
    }
    const size = await this.#revision.sizeOf(entry)
    return { ...common, kind: 'file', size, open: () => this.#openGit(entry) }
  }

  async #openGit(entry: RevisionEntry): Promise<OpenFile> {
    const content = await this.#revision.read(entry) // held against its id
    return { isGood: true, read: async (at, length) => content.subarray(at, at + length), close: () => {} }
  }

  async #openKey(key: string, size: number): Promise<OpenFile> {
    if (size === 0) return (await this.#keys.has(key, this.#call)) ? EMPTY : absent()
    const { cache } = this.#options
    const cached = await cache.acquire(this.#source(key, size))
    const read: OpenFile['read'] = async (offset, length, signal) => {
      try {
        return await cached.read(offset, length, signal)
      } catch (error) {
        throw isStoreError(error, 'missing') ? new FuseError('ENODATA') : error
      }
    }
    const isGood = () => cached.isWhole && cached.damage === undefined
    const close = () => {
      if (isGood()) this.#options.onWhole?.(key, cached.source.name)
      cache.release(cached)
    }
    return { isGood: isGood(), read, close }
  }

  #source(text: string, size: number): KeySource {
    const key = parseKey(text)
    const checksum = checksumOf(key)
    const { store, directory } = this.#dataset
    return {
      name: `${store.traits.root}/${directory}#${text}`,
      size,
      checksum,
      read: (range, write, signal) =>
        this.#keys.read(text, write, { range, signal: AbortSignal.any([signal, this.#options.signal]) }),
      damaged: () =>
        this.#dataset.error('corrupt', 'get', `the copy of ${text} is damaged: its content does not have the checksum`),
    }
  }

  get #modifiedMs(): number {
    return this.#revision.commit.committedMs
  }

  get #call() {
    return { signal: this.#options.signal }
  }
}

function absent(): never {
  throw new FuseError('ENODATA')
}
