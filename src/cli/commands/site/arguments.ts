import { optionFlag } from '../../../setup/site/config.ts'
import { SITE_OPTION_NAMES, SITE_OPTIONS, type SiteOptionName, type SiteValues } from '../../../setup/site/options.ts'

/** An option of yargs for each option of a site: `gitlabGroup` is `--gitlab-group`. */
export function siteOptions(): Record<string, { type: 'string'; describe: string; group: string }> {
  return Object.fromEntries(
    SITE_OPTION_NAMES.map((name) => [
      optionFlag(name).slice(2),
      { type: 'string', describe: SITE_OPTIONS[name].help, group: 'What a site has:' } as const,
    ]),
  )
}

/** What yargs made of them. One that is given twice counts as given last. */
export type SiteArguments = Readonly<Partial<Record<SiteOptionName, string | readonly string[]>>>

export function siteValues(args: SiteArguments): SiteValues {
  const values: Partial<Record<SiteOptionName, string>> = {}
  for (const name of SITE_OPTION_NAMES) {
    const given = args[name]
    const value = typeof given === 'string' ? given : given?.at(-1)
    if (value !== undefined) values[name] = value
  }
  return values
}
