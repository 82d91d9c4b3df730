import { ConfigError } from '../core/errors.ts'
import { takeNamesForUtf8 } from '../core/process/utf8-names.ts'
import type { CommandSpec } from './command.ts'
import { type Console, consoleOn } from './console.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { MODULES } from './modules.ts'
import { applyVerbosity } from './process-terminal.ts'
import { applyStallOption } from './stall-timeout.ts'
import { type Found, findCommand } from './table/find.ts'
import { safeTerminal, type Terminal } from './terminal.ts'
import { COMMON_OPTIONS } from './words/common-options.ts'
import { parseOptionsAlone, parseWords } from './words/parse.ts'

/**
 * Runs `riastore` with these arguments. Resolves with the exit code; whatever goes wrong is told in
 * one line. Only what the command needs is loaded.
 */
export async function runCli(args: readonly string[], caller: Terminal): Promise<number> {
  const terminal = safeTerminal(caller)
  let console: Console = consoleOn(terminal, { json: wantsJson(args) })
  const undo: (() => void)[] = [takeNamesForUtf8(process.env)]
  try {
    const found = findCommand(args)
    if (found.command === undefined) return await withoutCommand(terminal, found)
    const { command } = found
    if (found.oldName !== undefined) console.note(`riastore ${found.oldName} is now called riastore ${command.name}`)
    const given = parseWords(command, found.words)
    if (given.version) return await printVersion(terminal)
    if (given.help) return await printHelp(terminal, [command.name])
    console = consoleOn(terminal, given)
    undo.push(applyStallOption(given.stallTimeout as string | undefined), applyVerbosity(given.verbose as number))
    return await run(command, console, given)
  } catch (error) {
    const reason = terminal.signal.aborted ? terminal.signal.reason : error
    console.progress.clear()
    const exitCode = exitCodeOf(reason)
    if (exitCode < 128) console.fail(reason)
    else console.emit({ type: 'error', kind: 'interrupted', message: reason.message, exitCode })
    return exitCode
  } finally {
    for (const each of undo.reverse()) each()
  }
}

async function run(command: CommandSpec, console: Console, given: Parameters<typeof consoleOn>[1]): Promise<number> {
  const load = MODULES[command.name]
  if (load === undefined) throw new Error(`${command.name} has no module`)
  const { run } = await load()
  try {
    return await run(console, given as never)
  } finally {
    console.progress.clear()
  }
}

async function withoutCommand(terminal: Terminal, { names, words }: Found): Promise<number> {
  const given = parseOptionsAlone(COMMON_OPTIONS, words)
  if (given.version) return printVersion(terminal)
  if (given.help) return printHelp(terminal, names)
  const [group] = names
  if (group === undefined) throw new ConfigError('which command? riastore --help lists them')
  throw new ConfigError(`what about the ${group}? riastore ${group} --help lists the commands`)
}

async function printHelp(terminal: Terminal, names: readonly string[]): Promise<number> {
  const { helpText } = await import('./help/help.ts')
  terminal.print(helpText(names, Math.min(terminal.columns, 80)))
  return EXIT.done
}

async function printVersion(terminal: Terminal): Promise<number> {
  const { version } = await import('./own-package.ts')
  terminal.print(version())
  return EXIT.done
}

/** What goes wrong before the options are read is told as they say, too. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? undefined : end).includes('--json')
}
