import { StoreError } from '../../core/errors.ts'
import { inOrder } from '../../core/parallel.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { aliasDirectory, isDatasetDirectory, readAlias } from './alias-file.ts'
import { directoryOfLink, readAliasLink } from './alias-link.ts'
import { fateOf } from './gravestone.ts'
import { noStore } from './no-store.ts'
import { datasetDirectory, LAYOUT_FILE } from './paths.ts'
import { StoredDataset } from './stored-dataset.ts'

/**
 * Finds a dataset by its id or by `~alias`. Throws ConfigError for what cannot be one, StoreError
 * `missing` when the store has none.
 */
export async function findDataset(store: Store, name: string, call: CallOptions = {}): Promise<StoredDataset> {
  const directory = name.startsWith('~') ? await namedDirectory(store, name.slice(1), call) : datasetDirectory(name)
  const [ofStore, ofDataset] = await store.statAll([LAYOUT_FILE, `${directory}/${LAYOUT_FILE}`], call)
  if (ofStore === undefined) throw noStore(store)
  if (ofDataset === undefined) {
    const link = name.startsWith('~') ? await danglingAlias(store, name.slice(1), call) : undefined
    const fate = await fateOf(new StoredDataset(store, directory), call)
    const message = link ?? `the dataset ${name} is not in the store${fate}`
    throw new StoreError({ kind: 'missing', op: 'find', where: store.traits.root, message })
  }
  return new StoredDataset(store, directory, name)
}

/** All datasets of a store, by id. */
export async function allDatasets(store: Store, call: CallOptions = {}): Promise<StoredDataset[]> {
  const found: StoredDataset[] = []
  for await (const dataset of eachDataset(store, call)) found.push(dataset)
  return found
}

/**
 * The same as a stream, which holds no more than one first-level directory's datasets: two levels
 * of directories are listed, never what is in a dataset.
 */
export async function* eachDataset(store: Store, call: CallOptions = {}): AsyncGenerator<StoredDataset, void, void> {
  if ((await store.stat(LAYOUT_FILE, call)) === undefined) throw noStore(store)
  const tops = (await namesIn(store, '', call)).filter((name) => name.length === 3)
  const below = inOrder(tops, store.traits.maxInFlight / 2, async (top) => {
    const datasets = (await namesIn(store, top, call)).map((rest) => `${top}/${rest}`).filter(isDatasetDirectory)
    const layouts = await Promise.all(datasets.map((directory) => store.stat(`${directory}/${LAYOUT_FILE}`, call)))
    return datasets.filter((_directory, i) => layouts[i] !== undefined)
  })
  for await (const directories of below) {
    for (const directory of directories) yield new StoredDataset(store, directory, directory.replace('/', ''))
  }
}

/** The names of the directories in a directory, in order. */
async function namesIn(store: Store, directory: string, call: CallOptions): Promise<string[]> {
  const names: string[] = []
  for await (const { path, file } of store.children(directory, call)) {
    if (file === undefined) names.push(path.slice(path.lastIndexOf('/') + 1))
  }
  return names.sort()
}

/** Says where an alias leads that leads to no dataset; undefined where there is no such alias. */
async function danglingAlias(store: Store, alias: string, call: CallOptions): Promise<string | undefined> {
  const target = (await readAlias(store, alias, call)) ?? (await readAliasLink(store, alias, call))
  return (
    target &&
    `the alias ~${alias} names a dataset that is not in the store (${target}): riastore alias rm takes it away`
  )
}

/**
 * The directory in which the files of a dataset lie, for one that was named by an alias: where that
 * is a link, what it leads to.
 */
export async function realDirectory(
  { store, directory }: StoredDataset,
  call: CallOptions = {},
): Promise<string | undefined> {
  const [, alias] = /^alias\/(.+)$/s.exec(directory) ?? []
  if (alias === undefined) return directory
  const target = await readAliasLink(store, alias, call)
  return target === undefined ? undefined : directoryOfLink(target)
}

/**
 * The same as a dataset, for those who change or copy it. Throws StoreError `missing` where nobody
 * can tell what its alias leads to.
 */
export async function realDataset(dataset: StoredDataset, call: CallOptions = {}): Promise<StoredDataset> {
  const directory = await realDirectory(dataset, call)
  if (directory === undefined) {
    throw dataset.error('missing', 'find', `what ${dataset.name} leads to cannot be read: name it by its id`)
  }
  return new StoredDataset(dataset.store, directory, dataset.name)
}

/** An alias that no file explains is a link. */
async function namedDirectory(store: Store, alias: string, call: CallOptions): Promise<string> {
  return (await readAlias(store, alias, call)) ?? aliasDirectory(alias)
}
