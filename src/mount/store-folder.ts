import { listAliases } from '../git/alias.ts'
import { eachDataset } from '../ria/layout/datasets.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { Store } from '../store/store.ts'
import { DatasetFolder } from './dataset-folder.ts'
import type { KeyFilesOptions } from './key-files.ts'
import type { Found } from './tree.ts'

/**
 * All datasets of a store: a folder for each by its id, opened at HEAD when somebody first looks
 * into it, and a link to that by each of its aliases.
 */
export class StoreFolder {
  readonly #store: Store
  readonly #options: KeyFilesOptions
  readonly #opened: Promise<DatasetFolder>[] = []
  readonly #mountedMs = Date.now()

  constructor(store: Store, options: KeyFilesOptions) {
    this.#store = store
    this.#options = options
  }

  /** The folder itself. */
  get top(): Found {
    return {
      kind: 'directory',
      name: Buffer.alloc(0),
      mode: 0o555,
      modifiedMs: this.#mountedMs,
      list: () => this.#list(),
    }
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await Promise.all(
      this.#opened.map((each) =>
        each.then(
          (folder) => folder.close(),
          () => {},
        ),
      ),
    )
  }

  async #list(): Promise<readonly Found[]> {
    const call = { signal: this.#options.signal }
    const ids = new Map<string, string>()
    for await (const { directory, name } of eachDataset(this.#store, call)) ids.set(directory, name)
    const found = [...ids].map(([directory, id]) => this.#dataset(directory, id))
    for (const { name, directory } of await listAliases(this.#store, call)) {
      const target = directory === undefined ? undefined : ids.get(directory)
      if (target !== undefined) found.push(this.#alias(name, target))
    }
    return found
  }

  #dataset(directory: string, id: string): Found {
    const name = Buffer.from(id)
    const list = async () => {
      const folder = DatasetFolder.open(new StoredDataset(this.#store, directory, id), undefined, this.#options)
      this.#opened.push(folder)
      const top = (await folder).top(name)
      return top.kind === 'directory' ? top.list() : []
    }
    return { kind: 'directory', name, mode: 0o555, modifiedMs: this.#mountedMs, list }
  }

  #alias(alias: string, id: string): Found {
    const [name, target] = [Buffer.from(alias), Buffer.from(id)]
    return { kind: 'link', name, mode: 0o777, modifiedMs: this.#mountedMs, target }
  }
}
