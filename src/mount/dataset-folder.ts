import { openRevision } from '../admin/inventory/files.ts'
import { inOrder } from '../core/parallel.ts'
import { encode } from '../core/text.ts'
import { annexKeyOf } from '../git/annexed-file.ts'
import type { Revision, RevisionEntry } from '../git/revision.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { KeyFiles, type KeyFilesOptions } from './key-files.ts'
import type { Found, OpenFile } from './tree.ts'

/** The files of a commit of a dataset, annexed or in git, as a folder has them. */
export class DatasetFolder {
  readonly #dataset: StoredDataset
  readonly #revision: Revision
  readonly #keys: KeyFiles

  private constructor(dataset: StoredDataset, revision: Revision, keys: KeyFiles) {
    this.#dataset = dataset
    this.#revision = revision
    this.#keys = keys
  }

  /**
   * Opens the commit that `ref` names now; what is pushed later is not seen. Throws as
   * `openRevision` does.
   */
  static async open(dataset: StoredDataset, ref: string | undefined, options: KeyFilesOptions): Promise<DatasetFolder> {
    const revision = await openRevision(dataset, ref, { signal: options.signal })
    return new DatasetFolder(dataset, revision, await KeyFiles.open(dataset, options))
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
      const size = await this.#keys.sizeOf(key)
      return { ...common, kind: 'file', size: size ?? 0, open: () => this.#keys.open(key, size) }
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

  get #modifiedMs(): number {
    return this.#revision.commit.committedMs
  }
}
