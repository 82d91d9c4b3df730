import { isStoreError, StoreError } from '../core/errors.ts'
import { bufferSource } from '../core/source.ts'
import { aliasDirectory, aliasFile, checkNewAlias, readAlias } from '../ria/layout/alias-file.ts'
import { directoryOfLink, readAliasLink, readAliasLinks } from '../ria/layout/alias-link.ts'
import { appendOnlyError, isAppendOnly } from '../ria/layout/append-only.ts'
import { LAYOUT_FILE } from '../ria/layout/paths.ts'
import { fileNameOf } from '../ria/layout/places.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { unwritable } from '../store/unwritable.ts'
import { withStrictLinks } from '../store/wrappers/strict-links.ts'
import { removeAliasViews } from './alias-views.ts'
import { StoredRepository } from './repository.ts'

export interface Alias {
  readonly name: string
  /** Of its dataset, `abc/def-…`; undefined for a file or link that names none. */
  readonly directory: string | undefined
  /** There is no such dataset in the store. */
  readonly isDangling: boolean
}

/**
 * Gives a dataset a name, `alias/<name>`: a symbolic link where there are any, else a file that our
 * programs follow, and a copy of the repository for git over HTTP. To give it again is no error.
 * Throws StoreError `conflict` when another dataset has the name, ConfigError for what can be none.
 */
export async function setAlias(dataset: StoredDataset, name: string, call: CallOptions = {}): Promise<void> {
  checkNewAlias(name)
  const alias = aliasDirectory(name)
  if ((await dataset.store.stat(dataset.path(LAYOUT_FILE), call)) === undefined) {
    throw dataset.error('missing', 'alias', `there is no dataset: no ${LAYOUT_FILE}`)
  }
  if (await makeLink(dataset, alias, call)) return
  for await (const { path } of dataset.store.list(alias, call)) {
    if (path === aliasFile(name)) continue
    if ((await readAlias(dataset.store, name, call)) !== undefined) break
    throw dataset.error('conflict', 'alias', 'there is something else already', { path: alias })
  }
  try {
    await dataset.store.put(aliasFile(name), bufferSource(`${dataset.directory}\n`), { ...call, ifAbsent: true })
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
  }
  if ((await readAlias(dataset.store, name, call)) !== dataset.directory) {
    throw dataset.error('conflict', 'alias', 'another dataset has this alias', { path: alias })
  }
  await repositoryOf(dataset).changeAliases((names) => [...names, name], call)
}

/**
 * Throws StoreError `denied` where no name is taken away: the store, or the dataset that has it, is
 * append-only.
 */
export async function requireRemovableAlias(store: Store, name: string, call: CallOptions = {}): Promise<void> {
  const named = await readAlias(store, name, call).catch(ifCorrupt)
  const target = named === undefined ? await readAliasLink(store, name, call) : undefined
  const directory = named ?? (target && directoryOfLink(target))
  if (await isAppendOnly(store, directory, call)) throw appendOnlyError(store, `take ~${name} away`)
}

/**
 * Takes a name away. Throws StoreError `missing` when no dataset has it, `denied` as
 * `requireRemovableAlias` does.
 */
export async function removeAlias(store: Store, name: string, call: CallOptions = {}): Promise<void> {
  await requireRemovableAlias(store, name, call)
  await takeAliasAway(store, name, call)
}

/**
 * The same for whoever made it just now and takes that back, or knows already that it may go.
 * Throws StoreError `missing` when no dataset has it.
 */
export async function takeAliasAway(store: Store, name: string, call: CallOptions = {}): Promise<void> {
  const alias = aliasDirectory(name)
  const directory = await readAlias(store, name, call)
  if (directory === undefined) {
    if (await removeLink(store, alias, call)) return
    throw failure(store, 'missing', alias, 'there is no such alias')
  }
  const dataset = new StoredDataset(store, directory)
  if ((await store.stat(dataset.path(LAYOUT_FILE), call)) !== undefined) {
    await repositoryOf(dataset).changeAliases((names) => names.filter((each) => each !== name), call)
  }
  await removeAliasViews(dataset, name, call)
}

/**
 * Gives a dataset another name for one that it has. The new one is made before the old one goes, so
 * it can be found at any time; what was broken off is finished by the same call. Throws StoreError
 * `conflict` when another dataset has the new name, `denied` as `removeAlias` does.
 */
export async function moveAlias(
  dataset: StoredDataset,
  { from, to }: { readonly from: string; readonly to: string },
  call: CallOptions = {},
): Promise<void> {
  await requireRemovableAlias(dataset.store, from, call)
  await setAlias(dataset, to, call)
  await takeAliasAway(dataset.store, from, call)
}

/**
 * All aliases of a store, by name. Throws StoreError, `unsupported` where nothing can be listed.
 */
export async function listAliases(store: Store, call: CallOptions = {}): Promise<Alias[]> {
  const found = new Map<string, string | undefined>()
  for (const [name, target] of await readAliasLinks(store, call)) found.set(name, directoryOfLink(target))
  for await (const { path, file } of store.children('alias', call)) {
    const name = path.slice('alias/'.length)
    if (file !== undefined || found.has(name)) continue
    if ((await store.stat(aliasFile(name), call)) === undefined) continue // it is no alias
    found.set(name, await readAlias(store, name, call).catch(ifCorrupt))
  }
  const aliases: Alias[] = []
  for (const [name, directory] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const layout = directory && (await store.stat(`${directory}/${LAYOUT_FILE}`, call))
    aliases.push({ name, directory, isDangling: !layout })
  }
  return aliases
}

/** The names of each dataset that has some, by its directory. Throws as `listAliases` does. */
export async function aliasesByDirectory(
  store: Store,
  call: CallOptions = {},
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, string[]>()
  for (const { name, directory } of await listAliases(store, call)) {
    if (directory === undefined) continue
    const known = names.get(directory)
    if (known === undefined) names.set(directory, [name])
    else known.push(name)
  }
  return names
}

function ifCorrupt(error: unknown): undefined {
  if (!isStoreError(error, 'corrupt')) throw error
}

/** The dataset itself, of one that may have been named by an alias, `alias/<name>`. */
export async function resolveAlias(dataset: StoredDataset, call: CallOptions = {}): Promise<StoredDataset> {
  const [, name] = /^alias\/(.+)$/.exec(dataset.directory) ?? []
  const directory = name && (await readAlias(dataset.store, name, call))
  return directory ? dataset.at(directory) : dataset
}

function repositoryOf(dataset: StoredDataset): StoredRepository {
  return new StoredRepository(dataset, { gitDir: undefined, shows: false })
}

/** Makes a symbolic link. False where none can be made. */
async function makeLink(dataset: StoredDataset, alias: string, call: CallOptions): Promise<boolean> {
  const target = `../${dataset.directory}`
  const there = await exec(dataset.store, ['readlink', '--', alias], call)
  if (there === undefined) return false
  if (directoryOfLink(there.trimEnd()) === dataset.directory) return true
  if (there !== '') throw dataset.error('conflict', 'alias', 'another dataset has this alias', { path: alias })
  if ((await dataset.store.exec(['test', '-e', alias], { ...call, cwd: '' })).code === 0) {
    throw dataset.error('conflict', 'alias', 'there is something else already', { path: alias })
  }
  await requireOwnWay(dataset.store, call)
  let stderr = ''
  for (const command of [
    ['mkdir', '-p', 'alias'],
    ['ln', '-sn', '--', target, alias],
  ]) {
    stderr ||= (await dataset.store.exec(command, { ...call, cwd: '' })).stderr
  }
  const made = await exec(dataset.store, ['readlink', '--', alias], call)
  if (made === `${target}\n`) return true
  if (made === undefined || made === '') {
    throw unwritable(
      dataset.store,
      dataset.error('denied', 'alias', lastLine(stderr) || 'the alias cannot be made', { path: alias }),
      'alias',
    )
  }
  throw dataset.error('conflict', 'alias', 'another dataset has this alias', { path: alias })
}

async function removeLink(store: Store, alias: string, call: CallOptions): Promise<boolean> {
  const there = await exec(store, ['readlink', '--', alias], call)
  if (there === '') return false
  if (there === undefined) {
    if ((await readAliasLink(store, fileNameOf(alias), call)) === undefined) return false
    await store.remove(alias, call) // not what it leads to
    return true
  }
  await requireOwnWay(store, call)
  const { stderr } = await store.exec(['rm', '-f', '--', alias], { ...call, cwd: '' })
  if ((await exec(store, ['readlink', '--', alias], call)) === '') return true
  throw unwritable(store, failure(store, 'denied', alias, lastLine(stderr) || 'the alias cannot be removed'), 'alias')
}

/**
 * Programs follow any link: throws StoreError `denied` when `alias` itself is one of a stranger.
 */
async function requireOwnWay(store: Store, call: CallOptions): Promise<void> {
  await withStrictLinks(store).stat('alias/x/x', call)
}

/** What a program printed; undefined where none can be run. */
async function exec(store: Store, command: readonly string[], call: CallOptions): Promise<string | undefined> {
  if (!store.traits.exec) return undefined
  try {
    return (await store.exec(command, { ...call, cwd: '' })).stdout.toString()
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return undefined
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

function failure(store: Store, kind: StoreError['kind'], path: string, message: string): StoreError {
  return new StoreError({ kind, op: 'alias', where: `${store.traits.root}/${path}`, message })
}
