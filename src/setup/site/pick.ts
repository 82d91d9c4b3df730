import { ConfigError } from '../../core/errors.ts'
import type { FoundSite, Site } from './config.ts'
import type { DatasetNames } from './naming.ts'
import { SITE_OPTION_NAMES, type SiteOptionName, type SiteValues } from './options.ts'
import { requireSite } from './read.ts'

/** Every value that came with the dataset, a line each. */
export function fromDataset(
  found: FoundSite,
  { name, gitlab }: Site,
  given: SiteValues,
  names: DatasetNames,
): string[] {
  // A call that names the place of a project anew does not mean the one that was noted.
  const isUsed = (option: SiteOptionName) =>
    given[option] === undefined && (option !== 'project' || gitlab?.project === found.values.project)
  const entries = SITE_OPTION_NAMES.filter((option) => found.scopes[option] === 'dataset' && isUsed(option))
  const isNamed = names.namedBy !== undefined && gitlab !== undefined && gitlab.project === undefined
  return [
    ...entries.map((option) => `from .datalad/config: riastore.${name}.${option} = ${found.values[option]}`),
    ...(isNamed ? [`from ${names.namedBy}/.datalad/config: what names begin with, ${names.name}`] : []),
  ]
}

/**
 * The procedure of the package, cfg_riastore, names no site of its own: it takes the only one, or
 * the one that the dataset names.
 */
export function pickSite(sites: ReadonlyMap<string, FoundSite>, name: string): FoundSite {
  const configured = [...sites.values()].filter(({ isConfigured }) => isConfigured)
  const [only] = configured
  if (name === 'riastore' && !sites.get(name)?.isConfigured && only !== undefined) {
    if (configured.length === 1) return only
    const named = configured.filter(({ scopes }) => Object.values(scopes).includes('dataset'))
    if (named.length === 1 && named[0] !== undefined) return named[0]
    const known = configured.map((each) => `cfg_${each.name}`).sort()
    throw new ConfigError(`cfg_riastore is for the only site, and there are several: run one of ${known.join(', ')}`)
  }
  return requireSite(sites, name)
}
