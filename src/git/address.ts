import { ConfigError } from '../core/errors.ts'
import { withoutPassword } from '../core/secret.ts'
import { parseStoreUrl } from '../ria/url.ts'
import type { StoreLocation } from '../store/open.ts'

/** A dataset's repository, as DataLad names it to git: `<store>/<id[0:3]>/<id[3:]>` or `<store>/alias/<name>`. */
export interface RepositoryAddress {
  readonly location: StoreLocation
  /** From the store's root. */
  readonly directory: string
}

/** Reads a URL as git gives it to a remote helper, without `ria+`. Throws ConfigError. */
export function parseRepositoryUrl(url: string): RepositoryAddress {
  const [, store, directory] = /^(.*[^/])\/+([^/]+\/[^/]+)\/*$/.exec(url) ?? []
  if (store === undefined || directory === undefined || /^[a-z0-9+]+:\/*$/.test(store)) {
    throw new ConfigError(`${withoutPassword(url)} names no dataset: <store>/<3 characters>/<the rest of its id>`)
  }
  const names = directory.split('/').map(unescapeName)
  if (names.some((name) => name === '.' || name === '..')) {
    throw new ConfigError(`${withoutPassword(url)} names no dataset`)
  }
  return { location: parseStoreUrl(`ria+${store}`), directory: names.join('/') }
}

function unescapeName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
