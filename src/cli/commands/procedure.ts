import type { Argv, CommandModule } from 'yargs'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import type { Existing } from '../../setup/sibling/options.ts'
import { applySite } from '../../setup/site/apply.ts'
import type { Console } from '../console.ts'
import { stopped } from '../store-command.ts'
import { type SiteArguments, siteOptions, siteValues } from './site/arguments.ts'
import { requireName } from './site/name.ts'

const SUMMARY = 'Give a dataset what its site has for it: store, GitLab project, publication dependencies'

const USAGE = `$0 procedure <site> <dataset>

${SUMMARY}.

This is what datalad create -c <site> and datalad run-procedure cfg_<site> run. Each option counts \
instead of what the site has. When something failed, run it again: what is done is not done twice.`

const EXISTING: readonly Existing[] = ['skip', 'error', 'reconfigure']

type Args = SiteArguments & {
  readonly site?: string
  readonly dataset?: string
  readonly existing?: Existing
  readonly json?: boolean
}

export function procedureCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'procedure [site] [dataset]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('site', { type: 'string', describe: 'name of the site' })
        .positional('dataset', { type: 'string', describe: 'directory of the dataset' })
        .options({
          ...siteOptions(),
          existing: {
            choices: EXISTING,
            describe:
              'what to do with siblings, or a dataset in the store, that are not what the site has. Default: error',
          },
          json: { type: 'boolean', describe: 'print JSON: one line' },
        })
        .example('$0 procedure lab . --project-name other-name', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const site = requireName(args.site)
  if (args.dataset === undefined) throw new ConfigError('which dataset? Give its directory')
  const tell = (line: string) => (args.json ? console.note(line) : console.print(printable(line)))
  const { existing } = args
  try {
    const applied = await applySite(args.dataset, site, siteValues(args), { signal: console.signal, tell, existing })
    if (args.json) console.print(JSON.stringify(applied))
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError))
      console.note(`${args.dataset}: to go on from here: datalad run-procedure cfg_${site}`)
    throw error
  }
}
