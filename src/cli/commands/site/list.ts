import type { Argv, CommandModule } from 'yargs'
import { messageOf } from '../../../core/errors.ts'
import { withoutPassword } from '../../../core/secret.ts'
import { readProcedureDirectories } from '../../../setup/site/add.ts'
import { type FoundSite, resolveSite } from '../../../setup/site/config.ts'
import { SITE_OPTION_NAMES, SITE_OPTIONS } from '../../../setup/site/options.ts'
import { findProcedure } from '../../../setup/site/procedure-install.ts'
import { readSites, requireSite } from '../../../setup/site/read.ts'
import type { Console } from '../../console.ts'
import { stopped } from '../../store-command.ts'
import { requireName } from './name.ts'
import { textTable } from './table.ts'

const JSON_OPTION = { type: 'boolean', describe: 'print JSON: a line per site' } as const

type Args = { readonly name?: string; readonly json?: boolean }

export function siteListCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  const summary = 'List the sites'
  return {
    command: 'list',
    describe: summary,
    builder: (parser) =>
      parser.usage(`$0 site list\n\n${summary}.`).options({ json: JSON_OPTION }) as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => list(console, args))),
  }
}

export function siteShowCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  const summary = 'Show all of a site, and where each setting comes from'
  return {
    command: 'show [name]',
    describe: summary,
    builder: (parser) =>
      parser
        .usage(`$0 site show <name>\n\n${summary}.`)
        .positional('name', { type: 'string', describe: 'name of the site' })
        .options({ json: { type: 'boolean', describe: 'print JSON: one line' } }) as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => show(console, args))),
  }
}

async function list(console: Console, { json }: Args): Promise<number> {
  const { signal } = console
  const sites = await readSites(undefined, signal)
  const rows = await Promise.all(
    [...sites.values()].sort(byName).map(async (site) => ({
      site: site.name,
      store: withoutPassword(site.values.store ?? ''),
      gitlab: site.values.gitlab ?? '',
      procedure: (await procedureOf(site, signal)) ?? '',
      problem: problemOf(site) ?? '',
    })),
  )
  if (json) for (const row of rows) console.print(JSON.stringify(row))
  else if (rows.length === 0) console.print('no site is configured: riastore site add <name> --store <URL> makes one')
  else {
    const head = ['site', 'store', 'GitLab', 'procedure']
    const cells = rows.map(({ site, store, gitlab, procedure }) => [site, store, gitlab, procedure || 'none'])
    console.print(textTable([head, ...cells]))
    for (const { site, problem } of rows) if (problem !== '') console.note(`${site}: ${problem}`)
  }
  return 0
}

async function show(console: Console, args: Args): Promise<number> {
  const name = requireName(args.name)
  const { signal } = console
  const site = requireSite(await readSites(undefined, signal), name)
  const procedure = await procedureOf(site, signal)
  const problem = problemOf(site)
  if (args.json) {
    const { values, scopes } = site
    console.print(
      JSON.stringify({ site: name, values, scopes, procedure: procedure ?? null, problem: problem ?? null }),
    )
    return 0
  }
  const rows = SITE_OPTION_NAMES.map((option) => {
    const value = site.values[option]
    if (value === undefined) return [option, `(${SITE_OPTIONS[option].byDefault})`, 'default']
    return [option, withoutPassword(value), site.scopes[option] ?? '']
  })
  console.print(textTable([[name, 'value', 'from'], ...rows, ['procedure', procedure ?? '(none)', '']]))
  if (problem !== undefined) console.note(problem)
  return 0
}

async function procedureOf({ name }: FoundSite, signal: AbortSignal): Promise<string | undefined> {
  return (await findProcedure(name, await readProcedureDirectories({ signal })))?.file
}

/** Why a site cannot be used, if it cannot. */
function problemOf(site: FoundSite): string | undefined {
  try {
    resolveSite(site)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function byName(a: FoundSite, b: FoundSite): number {
  return a.name < b.name ? -1 : 1
}
