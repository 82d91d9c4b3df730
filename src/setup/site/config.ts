import { ConfigError } from '../../core/errors.ts'
import { parseStoreUrl } from '../../ria/url.ts'
import { factsOf } from '../../store/schemes.ts'
import { optionFlag } from './option-flag.ts'
import {
  checkSiteName,
  checkSiteValue,
  SITE_OPTION_NAMES,
  SITE_OPTIONS,
  type SiteOptionName,
  type SiteValues,
  siteOptionOf,
} from './options.ts'

/** Where a value of a site comes from; the later in this list wins. */
export const SITE_SCOPES = ['dataset', 'system', 'global', 'local', 'worktree', 'command', 'argument'] as const

export type SiteScope = (typeof SITE_SCOPES)[number]

/** An entry of a configuration: the key as git prints it. */
export interface ScopedEntry {
  readonly scope: SiteScope
  readonly key: string
  readonly value: string
}

/** What is set for a site, each with the scope that it was taken from. No value was checked yet. */
export interface FoundSite {
  readonly name: string
  readonly values: SiteValues
  readonly scopes: Readonly<Partial<Record<SiteOptionName, SiteScope>>>
  /** The user or the administrator set something of it. What a dataset alone names is no site. */
  readonly isConfigured: boolean
  /** Why it cannot be used: a setting that no site has, or one that may not come from a dataset. */
  readonly problem?: string
}

/** A site that can be worked with: checked, with all defaults. */
export interface Site {
  readonly name: string
  readonly store: string
  readonly pushUrl: string | undefined
  readonly siblingName: string
  readonly storageName: string
  readonly alias: string | undefined
  readonly shared: string | undefined
  readonly group: string | undefined
  readonly trust: 'trust' | 'semitrust' | 'untrust' | undefined
  readonly gitlab: SiteGitLab | undefined
}

export interface SiteGitLab {
  /** Without a slash at its end. */
  readonly url: string
  readonly group: string | undefined
  readonly siblingName: string
  readonly access: 'ssh' | 'https' | 'ssh+https'
  readonly visibility: 'private' | 'internal' | 'public'
  readonly projectName: string
  /** Full path of the project, where it was given or noted. */
  readonly project: string | undefined
}

/**
 * The sites that a configuration has, by name. `entries` come in the order in which they count: the
 * last wins.
 */
export function findSites(entries: Iterable<ScopedEntry>): ReadonlyMap<string, FoundSite> {
  const sites = new Map<string, FoundSite>()
  for (const { scope, key, value } of entries) {
    const [, name, setting = ''] = /^riastore\.(.+)\.([^.]+)$/s.exec(key) ?? []
    if (name === undefined || name.startsWith('store.')) continue // those are of stores that have a name
    const known = sites.get(name) ?? unknownSite(name)
    const before = { ...known, isConfigured: known.isConfigured || scope !== 'dataset' }
    const option = siteOptionOf(setting)
    const problem = option === undefined ? unknownSetting(key, scope) : objection(name, option, scope)
    if (option === undefined || problem !== undefined) {
      sites.set(name, { problem: problem ?? '', ...before })
      continue
    }
    sites.set(name, {
      ...before,
      values: { ...before.values, [option]: value },
      scopes: { ...before.scopes, [option]: scope },
    })
  }
  return sites
}

/** A site of which nothing is set. */
export function unknownSite(name: string): FoundSite {
  return { name, values: {}, scopes: {}, isConfigured: false }
}

function unknownSetting(key: string, scope: SiteScope): string {
  const where = scope === 'dataset' ? '.datalad/config' : `git's ${scope} configuration`
  return `${key} in ${where} is no setting of a site: known are ${SITE_OPTION_NAMES.join(', ')}`
}

function objection(name: string, option: SiteOptionName, scope: SiteScope): string | undefined {
  if (scope !== 'dataset' || SITE_OPTIONS[option].fromDataset) return undefined
  return `riastore.${name}.${option} is set in .datalad/config: a dataset may not say where data goes, or who sees it. Remove it there; riastore site add sets it in git's configuration`
}

/**
 * Checks what was found, puts the arguments over it and the defaults under it. An empty value
 * counts as none. Throws ConfigError.
 */
export function resolveSite(found: FoundSite, given: SiteValues = {}): Site {
  const { name } = found
  checkSiteName(name)
  if (found.problem !== undefined) throw new ConfigError(found.problem)
  // A call that names the place of a project anew does not mean the one that was noted.
  const isMoved = given.project === undefined && (given.projectName ?? given.gitlabGroup) !== undefined
  const value = (option: SiteOptionName) => {
    const isGiven = given[option] !== undefined
    const text = (isGiven || (isMoved && option === 'project') ? given[option] : found.values[option]) || undefined
    if (text === undefined) return undefined
    const where = isGiven ? optionFlag(option) : `riastore.${name}.${option}`
    checkSiteValue(option, text, where)
    return text
  }
  const store = value('store')
  if (store === undefined) {
    throw new ConfigError(`the site ${name} has no store: riastore site add ${name} --store <URL>`)
  }
  const siblingName = value('siblingName') ?? name
  const storageName = value('storageName') ?? `${siblingName}-storage`
  const gitlab = gitlabOf(value)
  const site: Site = {
    name,
    store: store.replace(/\/+$/, ''),
    pushUrl: value('pushUrl')?.replace(/\/+$/, ''),
    siblingName,
    storageName,
    alias: value('alias'),
    shared: value('shared'),
    group: value('group'),
    trust: value('trust') as Site['trust'],
    gitlab,
  }
  const { place, permissions } = factsOf(parseStoreUrl(site.store))
  if (permissions === 'none' && (site.shared ?? site.group) !== undefined) {
    throw new ConfigError(
      `the site ${name} has shared or group, which mean nothing in ${place}: there, the policy of the server says who may do what`,
    )
  }
  const names = [siblingName, storageName, ...(gitlab ? [gitlab.siblingName] : [])]
  const twice = names.find((each, i) => names.indexOf(each) !== i)
  if (twice !== undefined) throw new ConfigError(`the site ${name} has two siblings named ${twice}`)
  if (gitlab !== undefined && gitlab.group === undefined && gitlab.project === undefined) {
    throw new ConfigError(`the site ${name} has a gitlab, but no gitlabGroup for its projects`)
  }
  return site
}

function gitlabOf(value: (option: SiteOptionName) => string | undefined): SiteGitLab | undefined {
  const url = value('gitlab')
  const rest = {
    group: value('gitlabGroup'),
    siblingName: value('gitlabSiblingName') ?? 'gitlab',
    access: (value('gitlabAccess') ?? 'https') as SiteGitLab['access'],
    visibility: (value('gitlabVisibility') ?? 'private') as SiteGitLab['visibility'],
    projectName: value('projectName') ?? '{name}',
    project: value('project'),
  }
  return url === undefined ? undefined : { url: url.replace(/\/+$/, ''), ...rest }
}
