import type { Argv, CommandModule } from 'yargs'
import { type AddedSite, addSite } from '../../../setup/site/add.ts'
import { optionFlag } from '../../../setup/site/config.ts'
import type { Console } from '../../console.ts'
import { installedPrograms } from '../../installed-programs.ts'
import { stopped } from '../../store-command.ts'
import { type SiteArguments, siteOptions, siteValues } from './arguments.ts'
import { forWhom, requireName, SCOPE_OPTIONS, type ScopeArgs, scopeOf } from './name.ts'

const SUMMARY = 'Make a site, or change one: then datalad create -c NAME works'

const USAGE = `$0 site add <name> --store <URL> [--gitlab <URL> --gitlab-group <path>]

${SUMMARY}.

It is written into git's configuration, and a procedure cfg_NAME is put where DataLad looks for \
them. What is not given stays as it is; an empty value removes one. Nothing is connected to: \
riastore site check does that.`

type Args = SiteArguments & ScopeArgs & { readonly name?: string; readonly json?: boolean }

export function siteAddCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'add [name]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('name', { type: 'string', describe: 'name of the site' })
        .options({ ...siteOptions(), ...SCOPE_OPTIONS, json: { type: 'boolean', describe: 'print JSON: one line' } })
        .example('$0 site add lab --system --store ria+ssh://host/data/store', '')
        .example(
          '$0 site add lab --gitlab https://gitlab.example.org --gitlab-group lab/data',
          '',
        ) as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const name = requireName(args.name)
  const scope = scopeOf(args)
  const added = await addSite(name, scope, siteValues(args), { programs: installedPrograms(), signal: console.signal })
  if (args.json) console.print(JSON.stringify({ site: name, scope, ...added }))
  else console.print(text(name, forWhom(scope), added))
  return 0
}

function text(name: string, whom: string, { changes, procedure, procedureChanged }: AddedSite): string {
  const lines = changes.map(({ option, before, after }) => {
    const was = before === undefined ? '' : ` (was ${before})`
    return `  ${optionFlag(option).slice(2)}: ${after ?? 'removed'}${after === undefined ? '' : was}`
  })
  return [
    lines.length === 0 ? `the site ${name}, for ${whom}, is as it was` : `the site ${name}, for ${whom}:`,
    ...lines,
    `${procedureChanged ? 'wrote' : 'there already'}: ${procedure}`,
    `next: riastore site check ${name}, then datalad create -c ${name} <directory>`,
  ].join('\n')
}
