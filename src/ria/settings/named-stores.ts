import { isDeepStrictEqual } from 'node:util'
import { ConfigError } from '../../core/errors.ts'
import { type GitConfig, rewriteUrl } from '../../core/git-config.ts'
import type { StoreLocation } from '../../store/location.ts'
import { parseStoreUrl } from '../url.ts'
import { s3Options } from './s3.ts'
import { STORE_SETTING_NAMES, type StoreSetting } from './store-setting-names.ts'
import { sshProvider } from './values.ts'

export type StoreValues = Readonly<Partial<Record<StoreSetting, string>>>

/** A store that the user or the administrator gave a name. */
export interface StoreEntry {
  readonly name: string
  /** What is set; an empty value takes back what another scope set. */
  readonly values: StoreValues
  /**
   * A setting that no store has. What it should have said is not known, so the store is not used.
   */
  readonly unknown: string | undefined
}

const KEY = /^riastore\.store\.(.+)\.([^.]+)$/s

/** The stores that git's configuration names. No dataset can bring such a setting along. */
export function findStores(git: GitConfig): ReadonlyMap<string, StoreEntry> {
  const found = new Map<string, StoreEntry>()
  for (const key of git.keys()) {
    const [, name, setting = ''] = KEY.exec(key) ?? []
    if (name === undefined || !isStoreName(name)) continue
    const { values, unknown } = found.get(name) ?? { values: {}, unknown: undefined }
    if (isStoreSetting(setting)) {
      found.set(name, { name, values: { ...values, [setting]: git.get(key) ?? '' }, unknown })
    } else found.set(name, { name, values, unknown: unknown ?? setting })
  }
  return found
}

/**
 * The store that has a name and lies there; of several, the one that git's configuration names
 * last. A name whose URL cannot be read is passed over.
 */
export function storeAt(git: GitConfig, location: StoreLocation): StoreEntry | undefined {
  return [...findStores(git).values()].findLast(({ values }) =>
    [values.url, values['push-url']].some((url) => {
      if (!url) return false
      try {
        return isDeepStrictEqual(parseStoreUrl(rewriteUrl(git, url)), location)
      } catch (error) {
        if (error instanceof ConfigError) return false
        throw error
      }
    }),
  )
}

/**
 * What is set for a store, without what is empty. Throws ConfigError for a setting that no store
 * has.
 */
export function valuesOf(entry: StoreEntry | undefined): StoreValues {
  if (entry === undefined) return {}
  if (entry.unknown !== undefined) {
    const known = STORE_SETTING_NAMES.join(', ')
    throw new ConfigError(`riastore.store.${entry.name}.${entry.unknown} is no setting of a store: known are ${known}`)
  }
  return Object.fromEntries(Object.entries(entry.values).filter(([, value]) => value !== ''))
}

/** Throws ConfigError for values that could not be worked with, in words of the settings. */
export function checkStoreValues({ url, 'push-url': pushUrl, ssh, profile, parallel, ...s3 }: StoreValues): void {
  for (const each of [url, pushUrl]) if (each) parseStoreUrl(each)
  sshProvider('ssh', ssh)
  s3Options(s3, { profile, parallel: parallel || undefined })
}

/** As a site's: a word that is no path, no URL and no dataset. */
export function isStoreName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)
}

function isStoreSetting(name: string): name is StoreSetting {
  return (STORE_SETTING_NAMES as readonly string[]).includes(name)
}
