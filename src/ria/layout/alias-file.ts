import { ConfigError, StoreError } from '../../core/errors.ts'
import { findSmall } from '../../store/read-small.ts'
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
  const text = (await findSmall(store, path, MAX_BYTES, call))?.toString()
  if (text === undefined) return undefined
  const [, directory] = /^([^\n]+)\n$/.exec(text) ?? []
  if (directory !== undefined && isDatasetDirectory(directory)) return directory
  const where = `${store.traits.root}/${path}`
  throw new StoreError({ kind: 'corrupt', op: 'get', where, message: 'this names no dataset' })
}

/** Whether a path in a store, `abc/def-…`, is where a dataset can lie. */
export function isDatasetDirectory(directory: string): boolean {
  try {
    return directory[3] === '/' && datasetDirectory(directory.slice(0, 3) + directory.slice(4)) === directory
  } catch {
    return false
  }
}
