import type { Argv, CommandModule } from 'yargs'
import { ConfigError } from '../../../core/errors.ts'
import { dropSite } from '../../../setup/site/add.ts'
import type { Console } from '../../console.ts'
import { stopped } from '../../store-command.ts'
import { forWhom, requireName, SCOPE_OPTIONS, type ScopeArgs, scopeOf } from './name.ts'

const SUMMARY = 'Remove a site and its procedure'

const USAGE = `$0 site remove <name>

${SUMMARY}.

Datasets that were made with it, the store and GitLab stay as they are.`

type Args = ScopeArgs & { readonly name?: string; readonly json?: boolean }

export function siteRemoveCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'remove [name]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('name', { type: 'string', describe: 'name of the site' })
        .options({
          ...SCOPE_OPTIONS,
          json: { type: 'boolean', describe: 'print JSON: one line' },
        }) as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const name = requireName(args.name)
  const scope = scopeOf(args)
  const { removed, procedure } = await dropSite(name, scope, { signal: console.signal })
  if (!removed && procedure === undefined) {
    throw new ConfigError(`there is no site ${name} for ${forWhom(scope)}: riastore site list tells which there are`)
  }
  if (args.json) console.print(JSON.stringify({ site: name, scope, removed, procedure: procedure ?? null }))
  else {
    console.print(
      `removed the site ${name}, for ${forWhom(scope)}${procedure === undefined ? '' : `, and ${procedure}`}`,
    )
  }
  return 0
}
