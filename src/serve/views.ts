import { ConfigError, isStoreError } from '../core/errors.ts'
import { inOrder } from '../core/parallel.ts'
import { type Alias, listAliases } from '../git/alias.ts'
import { aliasDirectory, isDatasetDirectory } from '../ria/layout/alias-file.ts'
import { eachDataset } from '../ria/layout/datasets.ts'
import { datasetDirectory } from '../ria/layout/paths.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import type { DatasetNames } from './access-file.ts'
import { Aged } from './aged.ts'
import type { DatasetViews } from './dataset-views.ts'
import { NotLetInError } from './failures.ts'

/** Names of datasets are believed for so long where not everybody may read all. ms. */
const ALIASES_MS = 2_000

const AT_ONCE = 8

/** All that a request may know: the datasets that who asks may read. */
export type Views = Pick<DatasetViews, 'store' | 'isThere' | 'version' | 'revision' | 'card' | 'refs' | 'withKeys'> & {
  /**
   * The dataset with an id, an alias or a `~alias`. Undefined means proven absent: the store is
   * there, and the dataset is not. Throws StoreError, NotLetInError.
   */
  find(name: string, call: CallOptions): Promise<StoredDataset | undefined>
  /** By where it lies: `abc/def-…` or `alias/name`; nobody looks whether it is there. */
  named(directory: string): Promise<StoredDataset | undefined>
  /** Those that there are. Throws StoreError. */
  datasets(call: CallOptions): AsyncIterable<StoredDataset>
  /** Of these; `~name`s by directory. */
  aliases(): Promise<ReadonlyMap<string, readonly string[]>>
}

/** Makes out of all datasets of a store what one reader may know of them. */
export class ViewsFor {
  readonly #all: DatasetViews
  readonly #aliases = new Aged<readonly Alias[]>(ALIASES_MS, 1)
  #everything: Views | undefined

  constructor(all: DatasetViews) {
    this.#all = all
  }

  /**
   * `refusal`: the status for what may not be read. What is not allowed is refused by its name
   * alone: neither an answer nor the time that it takes tells whether it is there.
   */
  reader(names: DatasetNames, refusal: 401 | 403): Views {
    if (!names.includes('*')) return this.#make(names, refusal)
    this.#everything ??= this.#make(names, refusal)
    return this.#everything
  }

  #make(names: DatasetNames, refusal: 401 | 403): Views {
    const all = this.#all
    const aliases = () => this.#aliases.get('', () => this.#listAliases())
    const allowed = names.includes('*') ? undefined : () => this.#allowed(names, aliases)
    const named = async (directory: string) => {
      if (allowed === undefined) return all.named(directory)
      const real = (await allowed()).get(directory)
      if (real === undefined) throw new NotLetInError(refusal)
      return all.named(real)
    }
    const at = async (directory: string, call: CallOptions) => {
      const dataset = await named(directory)
      return dataset && ((await all.isThere(dataset, call)) ? dataset : undefined)
    }
    return {
      store: all.store,
      isThere: (dataset, call) => all.isThere(dataset, call),
      version: (dataset) => all.version(dataset),
      revision: (dataset, ref, call) => all.revision(dataset, ref, call),
      card: (dataset, revision) => all.card(dataset, revision),
      refs: (dataset) => all.refs(dataset),
      withKeys: (dataset, work) => all.withKeys(dataset, work),
      named,
      find: async (name, call) => {
        const directories = directoriesOf(name)
        let refused = 0
        for (const directory of directories) {
          try {
            const found = await at(directory, call)
            if (found !== undefined) return found
          } catch (error) {
            if (!(error instanceof NotLetInError)) throw error
            refused += 1
          }
        }
        if (allowed !== undefined && refused === directories.length) throw new NotLetInError(refusal)
        return undefined
      },
      datasets: (call) => {
        if (allowed === undefined) return eachDataset(all.store, call)
        const directories = async function* () {
          yield* new Set((await allowed()).values())
        }
        return present(inOrder(directories(), AT_ONCE, (directory) => at(directory, call)))
      },
      aliases: async () => {
        const found = new Map<string, string[]>()
        const may = allowed && (await allowed())
        for (const { name, directory } of await aliases()) {
          if (directory === undefined || (may && !may.has(directory))) continue
          found.set(directory, [...(found.get(directory) ?? []), name])
        }
        return found
      },
    }
  }

  /** The true directories, by each directory that leads to one. */
  async #allowed(names: DatasetNames, aliases: () => Promise<readonly Alias[]>): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    const known = await aliases()
    const real = new Map(known.flatMap(({ name, directory }) => (directory ? [[name, directory]] : [])))
    for (const name of names) {
      for (const directory of directoriesOf(name)) {
        const alias = /^alias\/(.+)$/.exec(directory)?.[1]
        const at = alias === undefined ? directory : real.get(alias)
        if (at !== undefined) found.set(at, at)
      }
    }
    for (const [alias, directory] of real) if (found.has(directory)) found.set(aliasDirectory(alias), directory)
    return found
  }

  async #listAliases(): Promise<readonly Alias[]> {
    try {
      return await listAliases(this.#all.store)
    } catch (error) {
      if (!isStoreError(error, 'unsupported')) throw error
      return []
    }
  }
}

/** Where a dataset may lie whom people call so. */
function directoriesOf(name: string): readonly string[] {
  const tries = name.startsWith('~')
    ? [() => aliasDirectory(name.slice(1))]
    : [() => datasetDirectory(name), () => aliasDirectory(name)]
  return tries.flatMap((make) => {
    try {
      const directory = make()
      return directory.startsWith('alias/') || isDatasetDirectory(directory) ? [directory] : []
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return []
    }
  })
}

async function* present<T>(items: AsyncIterable<T | undefined>): AsyncIterable<T> {
  for await (const item of items) if (item !== undefined) yield item
}
