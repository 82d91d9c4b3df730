import type { CommandSpec, OptionTable } from '../command.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { COMMANDS } from '../table/table.ts'
import { COMMON_OPTIONS, optionsOf } from '../words/common-options.ts'
import { exitCodesOf, optionMeaning, optionTerm } from './help.ts'
import { wrap } from './wrap.ts'

const COLUMNS = 120

/** docs/command-line.md: all commands with their options, and what all of them have in common. */
export function commandLinePage(): string {
  const commands = COMMANDS.filter(({ hidden }) => !hidden)
  return `${[
    '# The command line',
    '',
    ...wrap(
      'Made from the tables of `src/cli/table/` by `test/cli/help/command-line.test.ts`, which fails when this page is ' +
        'out of date. `riastore help COMMAND` tells the same, and so do the manual pages.',
      COLUMNS,
    ),
    '',
    ...INTRODUCTION,
    '## Exit codes',
    '',
    '| code | means |',
    '|---|---|',
    ...EXIT_CODES.map(([code, means]) => row([code, means])),
    '',
    '## Options of all commands',
    '',
    ...optionRows(COMMON_OPTIONS),
    ...commands.flatMap(section),
  ]
    .join('\n')
    .trimEnd()}\n`
}

const INTRODUCTION = [
  ...wrap(
    'What was asked for goes to stdout, remarks and errors to stderr, an error in one line. Options may stand anywhere; ' +
      'what stands after `--` is no option. An option that is given twice counts as given last, where it may not be ' +
      'repeated. Sizes and rates are numbers with `k`, `M`, `G` or `T`, in powers of 1024; ages are `90m`, `12h`, `30d`, `2w`.',
    COLUMNS,
  ),
  '',
  ...wrap(
    'Commands that change something have `--dry-run`. Those that delete something ask before; where nobody can be ' +
      'asked, they do nothing without `--yes`. On a terminal, progress is a line that changes, elsewhere a line every 30 ' +
      'seconds; errors are red unless `NO_COLOR` is set.',
    COLUMNS,
  ),
  '',
  '## JSON',
  '',
  ...wrap(
    'With `--json` every line of stdout is an object with a `type`; the first has a `schema` too, which is 1. What is ' +
      'not known is left away. A dataset is named by its id, `dataset`, and by all its `aliases`. An error is an object ' +
      '(`{"type":"error","kind":…,"message":…,"exitCode":…}`) as well as a line on stderr. ' +
      '[json-schema.json](json-schema.json) describes all types; fields may be added to them.',
    COLUMNS,
  ),
  '',
]

function section(command: CommandSpec): string[] {
  const { name, formerly = [], summary, usage, description, positionals, examples, json } = command
  const known = ['note', ...json, 'error']
  const own = Object.fromEntries(Object.entries(optionsOf(command)).filter(([each]) => !(each in COMMON_OPTIONS)))
  const codes = `Exit codes: ${exitCodesOf(command)
    .map(([code]) => code)
    .join(', ')}.`
  const types = json.length === 0 ? '' : ` Types of JSON: ${known.map((type) => `\`${type}\``).join(', ')}.`
  return [
    `## riastore ${name}`,
    '',
    `    riastore ${name} ${usage}`,
    '',
    ...[`${summary}.`, ...description].flatMap((text) => [...wrap(marked(text), COLUMNS), '']),
    ...positionals.map((each) => `- \`${each.name.toUpperCase()}\`: ${marked(each.describe)}`),
    ...(positionals.length > 0 ? [''] : []),
    ...optionRows(own),
    ...examples.flatMap(([line, what], i) => [
      ...(i === 0 ? ['For example:', ''] : []),
      `    riastore ${line}${what === undefined ? '' : `   # ${what}`}`,
      ...(i === examples.length - 1 ? [''] : []),
    ]),
    ...(formerly.length > 0
      ? [`Its old name still works: ${formerly.map((each) => `\`riastore ${each}\``).join(', ')}.`, '']
      : []),
    ...wrap(codes + types, COLUMNS),
    '',
  ]
}

function optionRows(table: OptionTable): string[] {
  const rows = Object.entries(table).map(([name, option]) => {
    const short = option.short === undefined ? '' : `\`-${option.short}\`, `
    return row([`${short}\`${optionTerm(name, option)}\``, marked(optionMeaning(option))])
  })
  return rows.length === 0 ? [] : ['| option | means |', '|---|---|', ...rows, '']
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Text in which `<id>` is no element of HTML, and ~ strikes nothing out. */
function marked(text: string): string {
  return text.replace(/[<>]/g, '\\$&').replaceAll('~', '\\~').replaceAll('*', '\\*')
}
