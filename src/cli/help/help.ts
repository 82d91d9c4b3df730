import { ConfigError } from '../../core/errors.ts'
import { type CommandSpec, type OptionSpec, type OptionTable, placeholder } from '../command.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { byName, commandsOf } from '../table/find.ts'
import { COMMANDS, GROUPS } from '../table/table.ts'
import { optionsOf } from '../words/common-options.ts'
import { definitions, wrap } from './wrap.ts'

/**
 * The help of a command, a group, a topic, or (no names) of the whole program. Throws ConfigError
 * where there is none.
 */
export function helpText(names: readonly string[], columns: number): string {
  const name = names.join(' ')
  if (name === '') return lines(programHelp(columns))
  if (name === 'exit-codes') return lines(['Exit codes of riastore:', '', ...definitions(EXIT_CODES, columns)])
  const command = byName(name)?.command
  if (command !== undefined) return lines(commandHelp(command, columns))
  const group = GROUPS.find((each) => each.name === name)
  if (group === undefined)
    throw new ConfigError(`there is no help about ${JSON.stringify(name)}: riastore help lists all`)
  return lines(groupHelp(group.name, group.summary, columns))
}

/** Whether there is help of that name. */
export function hasHelp(names: readonly string[]): boolean {
  const name = names.join(' ')
  const isTopic = name === '' || name === 'exit-codes' || GROUPS.some((each) => each.name === name)
  return isTopic || byName(name) !== undefined
}

/** All sections in a row, with an empty line between them. */
function lines(parts: readonly string[]): string {
  return parts.join('\n').trimEnd()
}

function programHelp(columns: number): string[] {
  const rows = [
    ...COMMANDS.filter(({ name, hidden }) => !name.includes(' ') && !hidden).map(
      ({ name, summary }) => [name, summary] as const,
    ),
    ...GROUPS.map(({ name, summary }) => [`${name} …`, summary] as const),
  ]
  return [
    'Usage: riastore COMMAND [options]',
    '',
    ...wrap('Looks after RIA stores of DataLad datasets.', columns),
    '',
    'Commands:',
    ...definitions(rows, columns),
    '',
    ...wrap(
      'riastore help COMMAND tells more of each, riastore help exit-codes what scripts can rely on, and \
riastore help MESSAGE what to do about what git, git-annex, DataLad or riastore said.',
      columns,
    ),
  ]
}

function groupHelp(name: string, summary: string, columns: number): string[] {
  const rows = commandsOf(name).map((command) => [command.name, command.summary] as const)
  return [
    `Usage: riastore ${name} COMMAND`,
    '',
    ...wrap(`${summary}.`, columns),
    '',
    'Commands:',
    ...definitions(rows, columns),
  ]
}

function commandHelp(command: CommandSpec, columns: number): string[] {
  const { name, usage, summary, description, positionals, examples } = command
  return [
    ...hanging(`Usage: riastore ${name} ${usage}`, columns),
    '',
    ...[`${summary}.`, ...description].flatMap((text) => [...wrap(text, columns), '']),
    ...section('Words:', definitions(positionals.map(wordRow), columns)),
    ...optionSections(optionsOf(command), columns),
    ...section(
      'Examples:',
      examples.flatMap((example) => exampleLines(example, columns)),
    ),
    ...section('Exit codes:', definitions(exitCodesOf(command), columns)),
  ]
}

function exampleLines([line, what]: readonly [string, string?], columns: number): string[] {
  const said = what === undefined ? [] : wrap(what, columns - 4).map((each) => `    ${each}`)
  return [`  riastore ${line}`, ...said]
}

function hanging(text: string, columns: number): string[] {
  const [first = '', ...rest] = wrap(text, columns - 4)
  return [first, ...rest.map((line) => `    ${line}`)]
}

function section(heading: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : [heading, ...content, '']
}

function wordRow({ name, describe }: CommandSpec['positionals'][number]): readonly [string, string] {
  return [name.toUpperCase(), describe]
}

/** The options of a table below their headings, in the table's order. */
export function groupsOf(table: OptionTable): ReadonlyMap<string, readonly (readonly [string, OptionSpec])[]> {
  const groups = new Map<string, (readonly [string, OptionSpec])[]>()
  for (const entry of Object.entries(table)) {
    const heading = entry[1].group ?? 'Options'
    groups.set(heading, [...(groups.get(heading) ?? []), entry])
  }
  return groups
}

function optionSections(table: OptionTable, columns: number): string[] {
  return [...groupsOf(table)].flatMap(([heading, options]) =>
    section(`${heading}:`, definitions(options.map(optionRow), columns)),
  )
}

function optionRow([name, option]: readonly [string, OptionSpec]): readonly [string, string] {
  return [
    `${option.short === undefined ? '    ' : `-${option.short}, `}${optionTerm(name, option)}`,
    optionMeaning(option),
  ]
}

/** `--grace AGE`; `--no-create-groups` for one that is on. */
export function optionTerm(name: string, option: OptionSpec): string {
  if (option.type !== 'flag') return `--${name} ${placeholder(option)}`
  return option.byDefault === true ? `--no-${name}` : `--${name}`
}

/** What an option does, and what counts without it. */
export function optionMeaning({ describe, byDefault, type }: OptionSpec): string {
  const said = typeof byDefault === 'string' ? `${describe}; default ${byDefault}` : describe
  return type === 'list' ? `${said}; may be repeated` : said
}

/** The exit codes of a command. */
export function exitCodesOf({ exits = [] }: CommandSpec): readonly (readonly [code: string, means: string])[] {
  const codes = ['0', '1', '2', ...exits.map(String), '130, 143']
  return EXIT_CODES.filter(([code]) => codes.includes(code))
}
