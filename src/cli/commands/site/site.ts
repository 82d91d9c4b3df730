import type { Argv, CommandModule } from 'yargs'
import type { Console } from '../../console.ts'
import { siteAddCommand } from './add.ts'
import { siteCheckCommand } from './check.ts'
import { siteListCommand, siteShowCommand } from './list.ts'
import { siteRemoveCommand } from './remove.ts'

const SUMMARY = 'Set up what datalad create -c NAME does here'

/** `riastore site …`: a site is the store, and the GitLab, that new datasets get. */
export function siteCommand(console: Console, finished: (code: number) => void): CommandModule {
  return {
    command: 'site',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(`$0 site <command>\n\n${SUMMARY}.`)
        .command(siteAddCommand(console, finished))
        .command(siteListCommand(console, finished))
        .command(siteShowCommand(console, finished))
        .command(siteRemoveCommand(console, finished))
        .command(siteCheckCommand(console, finished))
        .demandCommand(1, 'what about the site? riastore site --help lists the commands') as Argv,
    handler: () => {},
  }
}
