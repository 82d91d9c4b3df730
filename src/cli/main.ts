import yargs from 'yargs'
import { messageOf } from '../core/errors.ts'
import { archiveCommand } from './archive.ts'
import { type Console, Interrupted } from './console.ts'
import { doctorCommand } from './doctor.ts'
import { initCommand } from './init.ts'
import { unarchiveCommand } from './unarchive.ts'
import { version } from './version.ts'

/** Runs `riastore` with these arguments. Resolves with the exit code; whatever goes wrong is told in one line. */
export async function runCli(args: readonly string[], console: Console): Promise<number> {
  let code = 0
  const finished = (exitCode: number) => {
    code = exitCode
  }
  const parser = yargs([...args])
    .scriptName('riastore')
    .usage('$0 <command>\n\nLooks after RIA stores of DataLad datasets.')
    .command(initCommand(console, finished))
    .command(doctorCommand(console, finished))
    .command(archiveCommand(console, finished))
    .command(unarchiveCommand(console, finished))
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
    await parser.parseAsync([...args], {}, (_error, _argv, output) => {
      if (output !== '') console.print(output) // --help, --version
    })
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode
    console.fail(messageOf(error))
    return 1
  }
  return code
}

const NO_STORE = 'which store? Give its URL, or the path of its directory'
