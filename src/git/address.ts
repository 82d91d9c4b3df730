import { ConfigError } from '../core/errors.ts'
import { withoutPassword } from '../core/secret.ts'
import { aliasDirectory } from '../ria/layout/alias-file.ts'
import { datasetDirectory } from '../ria/layout/paths.ts'
import { parseStoreUrl, unescapeText } from '../ria/url.ts'
import type { StoreLocation } from '../store/location.ts'

/**
 * A dataset's repository, as DataLad names it to git: `<store>/<id[0:3]>/<id[3:]>` or
 * `<store>/alias/<name>`.
 */
export interface RepositoryAddress {
  readonly location: StoreLocation
  /** From the store's root. */
  readonly directory: string
}

/** Reads a URL as git gives it to a remote helper, without `ria+`. Throws ConfigError. */
export function parseRepositoryUrl(url: string): RepositoryAddress {
  const [, store, first, second] = /^(.*[^/])\/+([^/]+)\/([^/]+)\/*$/s.exec(url) ?? []
  const names = /^[a-z0-9+]+:\/*$/i.test(store ?? '') ? [] : [first, second]
  const directory = directoryOf(...names.map((name = '') => unescapeText(name)))
  if (store === undefined || directory === undefined) {
    throw new ConfigError(`${withoutPassword(url)} names no dataset: <store>/<3 characters>/<the rest of its id>`)
  }
  return { location: parseStoreUrl(`ria+${store}`), directory }
}

/**
 * Anybody can give a dataset's repository a URL (in .gitmodules, say). Names that were escaped in
 * it may hold anything, so the rules for what lies in a store decide: nothing leads out of it.
 */
function directoryOf(first = '', second = ''): string | undefined {
  try {
    if (first === 'alias') return aliasDirectory(second)
    return first.length === 3 ? datasetDirectory(first + second) : undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return undefined
  }
}
