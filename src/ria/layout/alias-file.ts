import { ConfigError, isStoreError, StoreError } from '../../core/errors.ts'
import { collect } from '../../core/source.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { datasetDirectory } from './paths.ts'

/** More than any id has. Bytes. */
const MAX_BYTES = 4096

/** Throws ConfigError for what can be no alias: it is one part of a path. */
export function aliasDirectory(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\\\p{Cc}]/u.test(name)) {
    throw new ConfigError(`${JSON.stringify(name)} is no alias`)
  }
  return `alias/${name}`
}

/**
 * Checks a name that a dataset is to get. In `<store>#~<name>` DataLad takes what follows an @ for
 * a version, undoes escapes, and lets the rest of a URL end where every URL does. Throws
 * ConfigError.
 */
export function checkNewAlias(name: string): void {
  aliasDirectory(name)
  if (/[@%#?]|^\s|\s$|^~/.test(name)) {
    throw new ConfigError(
      `${JSON.stringify(name)} is no alias that anybody could clone by: it must have no @ % # or ?, and begin with no ~`,
    )
  }
}

/** Where there are no symbolic links, a file says which dataset has the alias. */
export function aliasFile(name: string): string {
  return `${aliasDirectory(name)}/riastore-alias`
}

/**
 * The directory of the dataset that has an alias, when a file says so; undefined when none does:
 * `alias/<name>` may still be a link.
 */
export async function readAlias(store: Store, name: string, call: CallOptions = {}): Promise<string | undefined> {
  const path = aliasFile(name)
  let text: string | undefined
  try {
    const consume = async (bytes: AsyncIterable<Uint8Array>) => {
      text = (await collect(bytes, MAX_BYTES)).toString()
    }
    await store.get(path, consume, call)
  } catch (error) {
    if (error instanceof RangeError) throw noAlias(store, path)
    if (!isStoreError(error, 'missing')) throw error
    return undefined
  }
  const [, directory] = /^([^\n]+)\n$/.exec(text ?? '') ?? []
  if (directory === undefined || !isDatasetDirectory(directory)) throw noAlias(store, path)
  return directory
}

/** Whether a path in a store, `abc/def-…`, is where a dataset can lie. */
export function isDatasetDirectory(directory: string): boolean {
  try {
    return directory[3] === '/' && datasetDirectory(directory.slice(0, 3) + directory.slice(4)) === directory
  } catch {
    return false
  }
}

function noAlias(store: Store, path: string): StoreError {
  const message = 'this names no dataset'
  return new StoreError({ kind: 'corrupt', op: 'get', where: `${store.traits.root}/${path}`, message })
}
