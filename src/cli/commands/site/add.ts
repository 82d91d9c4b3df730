import { type AddedSite, addSite } from '../../../setup/site/add.ts'
import { optionFlag } from '../../../setup/site/option-flag.ts'
import { checkSiteName, type SiteValues } from '../../../setup/site/options.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { urlsOfName } from '../../open-store.ts'
import { type SiteArguments, siteValues } from './arguments.ts'
import { installedPrograms } from './installed-programs.ts'
import { forWhom, type ScopeArgs, scopeOf } from './scope.ts'

type Args = SiteArguments & ScopeArgs & { readonly name: string; readonly dryRun?: boolean }

/** `riastore site add` */
export async function run(console: Console, args: Args): Promise<number> {
  const { name } = args
  checkSiteName(name)
  const scope = scopeOf(args)
  const { dryRun = false } = args
  const options = { programs: installedPrograms(), signal: console.signal, dryRun }
  const added = await addSite(name, scope, await withUrlsOfName(siteValues(args)), options)
  console.report({ type: 'site', action: 'add', dryRun, site: name, scope, ...added }, () =>
    text(name, forWhom(scope), added, dryRun),
  )
  return EXIT.done
}

/** A name for a store is written as what it stands for: others may not have it. */
async function withUrlsOfName(values: SiteValues): Promise<SiteValues> {
  if (!values.store) return values
  const named = await urlsOfName(values.store)
  if (named === undefined) return values
  return {
    ...values,
    store: named.url,
    ...(values.pushUrl === undefined && named.pushUrl && { pushUrl: named.pushUrl }),
  }
}

function text(
  name: string,
  whom: string,
  { changes, procedure, procedureChanged }: AddedSite,
  dryRun: boolean,
): string {
  const wrote = dryRun ? 'would write' : 'wrote'
  const lines = changes.map(({ option, before, after }) => {
    const was = before === undefined ? '' : ` (was ${before})`
    return `  ${optionFlag(option).slice(2)}: ${after ?? 'removed'}${after === undefined ? '' : was}`
  })
  return [
    lines.length === 0 ? `the site ${name}, for ${whom}, is as it was` : `the site ${name}, for ${whom}:`,
    ...lines,
    `${procedureChanged ? wrote : 'there already'}: ${procedure}`,
    dryRun ? 'nothing was changed' : `next: riastore site check ${name}, then datalad create -c ${name} <directory>`,
  ].join('\n')
}
