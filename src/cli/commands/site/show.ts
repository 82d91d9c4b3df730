import { withoutPassword } from '../../../core/secret.ts'
import { checkSiteName, SITE_OPTION_NAMES, SITE_OPTIONS } from '../../../setup/site/options.ts'
import { readSites, requireSite } from '../../../setup/site/read.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import type { SITE_SHOW } from '../../table/site.ts'
import { textTable } from '../../tables.ts'
import { problemOf, procedureOf } from './found.ts'

/** `riastore site show` */
export async function run(console: Console, { name }: ArgsOf<typeof SITE_SHOW>): Promise<number> {
  checkSiteName(name)
  const { signal } = console
  const site = requireSite(await readSites(undefined, signal), name)
  const procedure = await procedureOf(site, signal)
  const problem = problemOf(site)
  const { values, scopes } = site
  console.show({ type: 'site', action: 'show', site: name, values, scopes, procedure, problem }, () => {
    const rows = SITE_OPTION_NAMES.map((option) => {
      const value = values[option]
      if (value === undefined) return [option, `(${SITE_OPTIONS[option].byDefault})`, 'default']
      return [option, withoutPassword(value), scopes[option] ?? '']
    })
    return textTable([[name, 'value', 'from'], ...rows, ['procedure', procedure ?? '(none)', '']])
  })
  if (problem !== undefined && !console.json) console.complain(problem)
  return EXIT.done
}
