import yargs from 'yargs'
import { messageOf } from '../core/errors.ts'
import { aliasCommand } from './commands/alias.ts'
import { archiveCommand } from './commands/archive/archive.ts'
import { createSiblingCommand } from './commands/create-sibling.ts'
import { createSiblingGitLabCommand } from './commands/create-sibling-gitlab.ts'
import { doctorCommand } from './commands/doctor.ts'
import { gcCommand } from './commands/gc.ts'
import { getCommand } from './commands/get.ts'
import { initCommand } from './commands/init.ts'
import { procedureCommand } from './commands/procedure.ts'
import { putCommand } from './commands/put.ts'
import { showCommand } from './commands/show.ts'
import { siteCommand } from './commands/site/site.ts'
import { unarchiveCommand } from './commands/unarchive.ts'
import { urlCommand } from './commands/url.ts'
import { type Console, Interrupted, safeConsole } from './console.ts'
import { markWords, unmarkWords } from './dashed-words.ts'
import { EXIT } from './exit-codes.ts'
import { splitMatching } from './matching-options.ts'
import { applyStallOption, STALL_OPTION } from './stall-timeout.ts'
import { version } from './version.ts'

/**
 * Runs `riastore` with these arguments. Resolves with the exit code; whatever goes wrong is told in
 * one line.
 */
export async function runCli(args: readonly string[], caller: Console): Promise<number> {
  const console = safeConsole(caller)
  const [name = ''] = args
  const bulk = BULK.includes(name)
  const { matching, rest } = bulk ? splitMatching(args) : { matching: [], rest: args }
  let code = 0
  let takeBack = () => {}
  const finished = (exitCode: number) => {
    code = exitCode
  }
  const words = markWords(rest)
  const parser = yargs(words)
    .scriptName('riastore')
    .usage('$0 <command>\n\nLooks after RIA stores of DataLad datasets.')
    .command(initCommand(console, finished))
    .command(doctorCommand(console, finished))
    .command(archiveCommand(console, finished))
    .command(unarchiveCommand(console, finished))
    .command(urlCommand(console, finished))
    .command(createSiblingCommand(console, finished))
    .command(createSiblingGitLabCommand(console, finished))
    .command(siteCommand(console, finished))
    .command(procedureCommand(console, finished))
    .command(aliasCommand(console, finished))
    .command(gcCommand(console, finished))
    .command(getCommand(console, finished, matching))
    .command(putCommand(console, finished, matching))
    .command(showCommand(console, finished))
    .middleware(unmarkWords, true)
    .options(STALL_OPTION)
    .middleware(({ stallTimeout }) => {
      takeBack = applyStallOption(stallTimeout)
    })
    .demandCommand(1, 'which command? riastore --help lists them')
    .strict()
    .strictCommands()
    .version(version())
    .alias({ help: 'h' })
    .wrap(Math.min(100, console.columns))
    .locale('en')
    .exitProcess(false)
    .showHelpOnFail(false)
    .epilogue('riastore <command> --help tells more of each.')
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new Error(message?.startsWith('Not enough non-option') ? NO_STORE : (message ?? 'wrong usage'))
    })
  try {
    await parser.parseAsync(words, {}, (_error, _argv, output) => {
      if (output !== '') console.print(output) // --help, --version
    })
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode
    console.fail(messageOf(error))
    return bulk ? EXIT.usage : EXIT.failed
  } finally {
    takeBack()
  }
  return code
}

/** Commands that take git-annex's matching options. */
const BULK = ['get', 'put']

const NO_STORE = 'which store? Give its URL, or the path of its directory'
