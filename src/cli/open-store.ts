import { resolve } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { GitConfig, rewriteUrl, toBoolean } from '../core/git-config.ts'
import { run } from '../core/process/run.ts'
import { notVerified } from '../core/records/agree-to-remote.ts'
import { withoutPassword } from '../core/secret.ts'
import { decode } from '../core/text.ts'
import { findStores, type StoreEntry } from '../ria/settings/named-stores.ts'
import { findSiblings, type Sibling } from '../ria/settings/siblings.ts'
import { siblingSettings, storeSettings } from '../ria/settings/store-settings.ts'
import { parseStoreUrl, suggestStoreUrl } from '../ria/url.ts'
import type { StoreLocation } from '../store/location.ts'
import { type OpenSettings, openStore } from '../store/open.ts'
import { factsOf } from '../store/schemes.ts'
import type { Store } from '../store/store.ts'
import type { Limits } from './limits.ts'
import { requestLog } from './process-terminal.ts'
import { gitConfigOfEnvironment } from './stall-timeout.ts'

/** A store as a user names it. */
export interface NamedStore {
  readonly location: StoreLocation
  /** For messages: without a password. */
  readonly shown: string
  /**
   * A dataset that was named together with it: `…#<id>` or `…#~<alias>`. Where no store was named,
   * the one of the clone that we are in.
   */
  readonly dataset: string | undefined
  /** The store was not named: it is that of the clone's sibling. */
  readonly ofClone: boolean
  /** All that is set for it, save what a command itself knows. */
  readonly settings: OpenSettings
}

export interface NamedStoreOptions {
  /** Something is changed: where it has a URL to write through, by that. */
  readonly forWriting?: boolean
}

/**
 * Reads what stands for a store: a `ria+…` URL, after git's insteadOf; a name (`riastore store
 * add`) or a site's; the path of a directory. Nothing at all is RIASTORE_STORE, and in a clone the
 * store of its storage sibling. Throws ConfigError.
 */
export async function parseStore(given: string | undefined, options: NamedStoreOptions = {}): Promise<NamedStore> {
  const git = await readGitConfig()
  const text = given ?? (process.env.RIASTORE_STORE || undefined)
  if (text === undefined) return storeOfClone(git, options)
  const { url, dataset, entry } = meaningOf(git, text, options)
  const location = url.startsWith('ria+') ? parseStoreUrl(url) : directoryOf(url)
  const siblings = factsOf(location).local ? [] : await siblingsHere(git)
  return {
    location,
    shown: withoutPassword(url),
    dataset,
    ofClone: false,
    settings: await storeSettings(location, { git, entry, siblings, isNamed: true }),
  }
}

/** Opens it, within the limits of the command line if there are any. */
export function openNamedStore({ location, settings }: NamedStore, limits?: Limits): Promise<Store> {
  return openStore(location, { ...settings, ...limits, log: requestLog() })
}

/**
 * Takes the store from the words of a command line, where it may be left out: a first word that
 * names a dataset, `~<alias>` or an id, is none (a directory of that name is `./<name>`).
 */
export function storeAndRest(words: readonly string[]): {
  readonly store: string | undefined
  readonly rest: readonly string[]
} {
  const [first, ...rest] = words
  return first === undefined || isDatasetName(first) ? { store: undefined, rest: words } : { store: first, rest }
}

function isDatasetName(word: string): boolean {
  return /^~./.test(word) || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(@.*)?$/i.test(word)
}

interface Meaning {
  /** Or the path of a directory. */
  readonly url: string
  readonly dataset: string | undefined
  readonly entry?: StoreEntry | undefined
}

function meaningOf(git: GitConfig, text: string, options: NamedStoreOptions): Meaning {
  const url = rewriteUrl(git, text)
  const [before = '', after] = splitOnce(url, '#')
  const dataset = after || undefined
  if (url.startsWith('ria+')) return { url: before, dataset }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) {
    const meant = suggestStoreUrl(url)
    const hint = meant === undefined ? '' : ` (${meant}?)`
    throw new ConfigError(`${withoutPassword(url)} is no URL of a RIA store: those begin with ria+${hint}`)
  }
  if (url === '') throw new ConfigError('the store has an empty name')
  const named = urlOfName(git, before, options)
  return named === undefined ? { url, dataset: undefined } : { ...named, dataset }
}

/**
 * The URLs that a name stands for, or a site's, as they are set; undefined for what is no name.
 * Throws ConfigError for a name that has no URL.
 */
export async function urlsOfName(name: string): Promise<StoreUrls | undefined> {
  return urlsOf(await readGitConfig(), name)
}

export interface StoreUrls {
  readonly url: string
  readonly pushUrl: string | undefined
  readonly entry?: StoreEntry | undefined
}

function urlsOf(git: GitConfig, name: string): StoreUrls | undefined {
  const entry = findStores(git).get(name)
  const ofSite = (setting: string) => git.get(`riastore.${name}.${setting}`) || undefined
  const url = entry === undefined ? ofSite('store') : entry.values.url || undefined
  const pushUrl = entry === undefined ? ofSite('pushurl') : entry.values['push-url'] || undefined
  if (url !== undefined) return { url, pushUrl, entry }
  if (entry === undefined) return undefined
  throw new ConfigError(`the store ${name} has no URL: riastore store set ${name} --url <URL>`)
}

/**
 * A name counts more than a directory of that name, as git has it with remotes: `./lab` is the
 * directory.
 */
function urlOfName(
  git: GitConfig,
  name: string,
  { forWriting }: NamedStoreOptions,
): Omit<Meaning, 'dataset'> | undefined {
  const found = urlsOf(git, name)
  if (found === undefined) return undefined
  const { url, pushUrl, entry } = found
  return { url: rewriteUrl(git, (forWriting ? pushUrl : undefined) ?? url), entry }
}

function directoryOf(path: string): StoreLocation {
  return { scheme: 'file', path: resolve(path) }
}

async function storeOfClone(git: GitConfig, { forWriting = false }: NamedStoreOptions): Promise<NamedStore> {
  const siblings = await siblingsHere(git)
  const [sibling, ...others] = siblings.filter(
    ({ name }) => toBoolean(git.get(`remote.${name}.annex-ignore`) ?? 'false') === false,
  )
  if (sibling === undefined) throw new ConfigError(NO_STORE)
  if (others.length > 0) {
    const names = [sibling, ...others].map(({ name }) => name).join(', ')
    throw new ConfigError(`which store? This clone has several storage siblings (${names}): give the URL of one`)
  }
  if (sibling.agreement === 'not used') {
    throw new ConfigError(`the storage sibling ${notVerified(sibling.name)}`)
  }
  const { location, settings } = await siblingSettings(sibling, { git, siblings }, forWriting)
  const { config, committed } = sibling
  const url = config instanceof Error ? '' : ((forWriting ? config.pushUrl : undefined) ?? config.url).text
  return { location, shown: withoutPassword(url), dataset: committed['archive-id'], ofClone: true, settings }
}

const NO_STORE =
  'which store? Give its URL, its name (riastore store ls) or the path of its directory, or set RIASTORE_STORE'

/** The storage siblings of the clone that we are in, if we are in one. */
async function siblingsHere(git: GitConfig): Promise<readonly Sibling[]> {
  if (![...git.keys()].some((key) => key.endsWith('.annex-externaltype'))) return []
  const { code, stdout } = await run('git', ['rev-parse', '--path-format=absolute', '--git-common-dir'])
  return code === 0 ? findSiblings(decode(stdout).replace(/\n$/, ''), git) : []
}

/** git's configuration, of the user and of the repository that we are in. */
export async function readGitConfig(): Promise<GitConfig> {
  try {
    const { stdout } = await run('git', ['config', '--list', '-z'])
    return GitConfig.parse(stdout)
  } catch {
    return gitConfigOfEnvironment()
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
