import { StoreError } from '../../core/errors.ts'
import { decode } from '../../core/text.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { aliasDirectory, readAlias } from './alias-file.ts'
import { directoryOfLink, readAliasLink } from './alias-link.ts'
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
    const message = link ?? `the dataset ${name} is not in the store`
    throw new StoreError({ kind: 'missing', op: 'find', where: store.traits.root, message })
  }
  return new StoredDataset(store, directory, name)
}

/** All datasets of a store, by id. */
export async function allDatasets(store: Store, call: CallOptions = {}): Promise<StoredDataset[]> {
  if ((await store.stat(LAYOUT_FILE, call)) === undefined) throw noStore(store)
  const found: StoredDataset[] = []
  for await (const path of layoutFiles(store, call)) {
    const [, first, rest] = /^(?!alias\/)([^/]{3})\/([^/]+)\/ria-layout-version$/s.exec(path) ?? []
    if (first !== undefined && rest !== undefined)
      found.push(new StoredDataset(store, `${first}/${rest}`, first + rest))
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * Looks with `find` where programs can be run: otherwise every file of the store has to be listed.
 */
async function* layoutFiles(store: Store, call: CallOptions): AsyncIterable<string> {
  const listed = await findLayoutFiles(store, call)
  if (listed !== undefined) yield* listed
  else for await (const { path } of store.list('', call)) yield path
}

async function findLayoutFiles(store: Store, call: CallOptions): Promise<string[] | undefined> {
  if (!store.traits.exec) return undefined
  const command = ['find', '.', '-mindepth', '3', '-maxdepth', '3', '-name', LAYOUT_FILE, '-print0']
  try {
    const { code, stdout } = await store.exec(command, { ...call, cwd: '' })
    if (code !== 0 || (stdout.length > 0 && stdout.at(-1) !== 0)) return undefined // not all could be seen, or kept
    return decode(stdout)
      .split('\0')
      .slice(0, -1)
      .map((path) => path.replace(/^\.\//, ''))
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'unsupported') return undefined
    throw error
  }
}

/** Says where an alias leads that leads to no dataset; undefined where there is no such alias. */
async function danglingAlias(store: Store, alias: string, call: CallOptions): Promise<string | undefined> {
  const target = (await readAlias(store, alias, call)) ?? (await readAliasLink(store, alias, call))
  return (
    target &&
    `the alias ~${alias} names a dataset that is not in the store (${target}): riastore alias remove takes it away`
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

/** An alias that no file explains is a link. */
async function namedDirectory(store: Store, alias: string, call: CallOptions): Promise<string> {
  return (await readAlias(store, alias, call)) ?? aliasDirectory(alias)
}

function noStore(store: Store): StoreError {
  const message = `there is no RIA store: no ${LAYOUT_FILE}`
  return new StoreError({ kind: 'missing', op: 'find', where: store.traits.root, message })
}
