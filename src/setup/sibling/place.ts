import { isDeepStrictEqual } from 'node:util'
import { ConfigError } from '../../core/errors.ts'
import { type GitConfig, rewriteUrl } from '../../core/git-config.ts'
import { withoutPassword } from '../../core/secret.ts'
import { datasetDirectory } from '../../ria/layout/paths.ts'
import { parseStoreUrl } from '../../ria/url.ts'
import type { StoreLocation } from '../../store/location.ts'
import { factsOf } from '../../store/schemes.ts'

/** Where a dataset's siblings lie, and what git and git-annex are told of that. */
export interface SiblingPlace {
  /** The dataset's id in the store. */
  readonly id: string
  /** Of the dataset, from the store's root. */
  readonly directory: string
  /** Of the store, to write to. */
  readonly location: StoreLocation
  /** Of the store, to read from. */
  readonly readLocation: StoreLocation
  /** Of the special remote: as they were given. */
  readonly url: string
  readonly pushUrl: string | undefined
  /** Of the git remote, as DataLad derives them. */
  readonly gitUrl: string
  readonly gitPushUrl: string | undefined
}

/**
 * Throws ConfigError for URLs that do not do. git's url.<base>.insteadOf counts, but not for what
 * is recorded.
 */
export function placeSibling(
  id: string,
  { url, pushUrl }: { readonly url: string; readonly pushUrl?: string | undefined },
  config: GitConfig,
): SiblingPlace {
  const read = openable(config, url)
  const write = pushUrl === undefined ? read : openable(config, pushUrl)
  if (!factsOf(write.location).writable) {
    throw new ConfigError(
      pushUrl === undefined
        ? `${url} can only be read: give --push-url too`
        : `${pushUrl} can only be read: --push-url is where to write`,
    )
  }
  const directory = datasetDirectory(id)
  return {
    id,
    directory,
    location: write.location,
    readLocation: read.location,
    url: withoutSlash(url),
    pushUrl: pushUrl && withoutSlash(pushUrl),
    gitUrl: gitUrlOf(read, directory, 'path'),
    gitPushUrl: pushUrl === undefined ? undefined : gitUrlOf(write, directory, 'url'),
  }
}

/**
 * Whether two URLs name one store: `…/store` and `…/store/` do. What cannot be read is the same
 * only as itself.
 */
export function isSameStore(config: GitConfig, one: string | undefined, other: string | undefined): boolean {
  if (one === other) return true
  if (one === undefined || other === undefined) return false
  try {
    return isDeepStrictEqual(locate(config, one), locate(config, other))
  } catch (error) {
    if (error instanceof ConfigError) return false
    throw error
  }
}

function locate(config: GitConfig, url: string): StoreLocation {
  return parseStoreUrl(rewriteUrl(config, url))
}

function withoutSlash(url: string): string {
  return url.replace(/(?<=[^/])\/+$/, '')
}

interface Openable {
  readonly text: string
  readonly location: StoreLocation
}

function openable(config: GitConfig, url: string): Openable {
  if (withoutPassword(url) !== url) {
    throw new ConfigError(`${withoutPassword(url)} was given with a password, which would be recorded for everybody`)
  }
  const text = rewriteUrl(config, url)
  return { text, location: parseStoreUrl(text) }
}

/**
 * DataLad's way: a path where git reads from a directory of this machine, else the URL without
 * `ria+`.
 */
function gitUrlOf({ text, location }: Openable, directory: string, local: 'path' | 'url'): string {
  if ('path' in location && factsOf(location).local && local === 'path') return `${location.path}/${directory}`
  const url = new URL(text).href.slice('ria+'.length)
  return `${url.replace(/\/+$/, '')}/${directory.split('/').map(encodeURIComponent).join('/')}`
}
