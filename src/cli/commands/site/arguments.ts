import { SITE_OPTION_NAMES, type SiteOptionName, type SiteValues } from '../../../setup/site/options.ts'

/** The options of a site, as they were given. */
export type SiteArguments = Readonly<Partial<Record<SiteOptionName, string>>>

export function siteValues(args: SiteArguments): SiteValues {
  const given = SITE_OPTION_NAMES.map((name) => [name, args[name]] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}
