import { withoutPassword } from '../../../core/secret.ts'
import type { FoundSite } from '../../../setup/site/config.ts'
import { readSites } from '../../../setup/site/read.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { textTable } from '../../tables.ts'
import { problemOf, procedureOf } from './found.ts'

/** `riastore site ls` */
export async function run(console: Console): Promise<number> {
  const { signal } = console
  const sites = await readSites(undefined, signal)
  const rows = await Promise.all(
    [...sites.values()].sort(byName).map(async (site) => ({
      site: site.name,
      store: site.values.store && withoutPassword(site.values.store),
      gitlab: site.values.gitlab,
      procedure: await procedureOf(site, signal),
      problem: problemOf(site),
    })),
  )
  for (const row of rows) console.emit({ type: 'site', action: 'ls', ...row })
  if (rows.length === 0) console.print('no site is configured: riastore site add <name> --store <URL> makes one')
  else {
    const head = ['site', 'store', 'GitLab', 'procedure']
    const cells = rows.map(({ site, store, gitlab, procedure }) => [
      site,
      store ?? '',
      gitlab ?? '',
      procedure ?? 'none',
    ])
    console.print(textTable([head, ...cells]))
  }
  for (const { site, problem } of console.json ? [] : rows) {
    if (problem !== undefined) console.complain(`${site}: ${problem}`)
  }
  return EXIT.done
}

function byName(a: FoundSite, b: FoundSite): number {
  return a.name < b.name ? -1 : 1
}
