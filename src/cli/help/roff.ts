import { type CommandSpec, placeholder } from '../command.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { commandsOf } from '../table/find.ts'
import { COMMANDS, GROUPS } from '../table/table.ts'
import { optionsOf } from '../words/common-options.ts'
import { exitCodesOf, groupsOf, optionMeaning, optionTerm } from './help.ts'

/** Of which version the pages are, and of which day, `2026-11-28`. */
export interface Edition {
  readonly version: string
  readonly date: string
}

/** A page of the manual, in the words of man(7). */
export interface ManualPage {
  /** `riastore-site-add.1` */
  readonly file: string
  readonly text: string
}

/** All pages of the manual: the program, its groups, its commands. */
export function manualPages(edition: Edition): ManualPage[] {
  return [
    programPage(edition),
    ...GROUPS.map(({ name, summary }) => groupPage(name, summary, edition)),
    ...COMMANDS.filter(({ hidden }) => !hidden).map((command) => commandPage(command, edition)),
  ]
}

function programPage(edition: Edition): ManualPage {
  const commands = COMMANDS.filter(({ name, hidden }) => !name.includes(' ') && !hidden)
  return page('riastore', 'look after RIA stores of DataLad datasets', edition, [
    '.SH SYNOPSIS',
    '.B riastore',
    '.I COMMAND',
    '[options]',
    '.SH COMMANDS',
    ...[...commands, ...GROUPS].flatMap(({ name, summary }) => tagged(`\\fB${pageName(name)}\\fR(1)`, `${summary}.`)),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, means]) => tagged(quoted(code), `${means}.`)),
  ])
}

function groupPage(name: string, summary: string, edition: Edition): ManualPage {
  const commands = commandsOf(name)
  return page(`riastore ${name}`, lowered(summary), edition, [
    '.SH SYNOPSIS',
    `.B riastore ${name}`,
    '.I COMMAND',
    '[options]',
    '.SH COMMANDS',
    ...commands.flatMap((command) => tagged(`\\fB${pageName(command.name)}\\fR(1)`, `${command.summary}.`)),
  ])
}

function commandPage(command: CommandSpec, edition: Edition): ManualPage {
  const { name, summary, usage, description, positionals, examples } = command
  return page(`riastore ${name}`, lowered(summary), edition, [
    '.SH SYNOPSIS',
    `.B riastore ${quoted(name)}`,
    quoted(usage),
    '.SH DESCRIPTION',
    ...[`${summary}.`, ...description].flatMap((text, i) => [...(i === 0 ? [] : ['.PP']), sentence(text)]),
    ...positionals.flatMap((each) => tagged(`\\fI${quoted(each.name.toUpperCase())}\\fR`, `${each.describe}.`)),
    ...[...groupsOf(optionsOf(command))].flatMap(([heading, options]) => [
      `.SH ${heading.toUpperCase()}`,
      ...options.flatMap(([long, option]) => {
        const term = option.type === 'flag' ? '' : ` \\fI${quoted(placeholder(option))}\\fR`
        const [flag = ''] = optionTerm(long, option).split(' ')
        const short = option.short === undefined ? '' : `\\fB\\-${option.short}\\fR, `
        return tagged(`${short}\\fB${quoted(flag)}\\fR${term}`, `${optionMeaning(option)}.`)
      }),
    ]),
    ...section('EXAMPLES', examples.flatMap(exampleLines)),
    '.SH EXIT STATUS',
    ...exitCodesOf(command).flatMap(([code, means]) => tagged(quoted(code), `${means}.`)),
  ])
}

function exampleLines([line, what]: readonly [string, string?]): string[] {
  return ['.PP', ...(what === undefined ? [] : [sentence(`${what}:`)]), '.nf', sentence(`    riastore ${line}`), '.fi']
}

function section(heading: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : [`.SH ${heading}`, ...content.slice(content[0] === '.PP' ? 1 : 0)]
}

function page(name: string, summary: string, { version, date }: Edition, body: readonly string[]): ManualPage {
  const title = pageName(name === 'riastore' ? '' : name.slice('riastore '.length))
  const lines = [
    '.\\" Made from the tables of src/cli/table/ by scripts/build.mjs.',
    `.TH ${title.toUpperCase()} 1 "${date}" "riastore ${version}" "riastore manual"`,
    '.SH NAME',
    `${quoted(title)} \\- ${quoted(summary)}`,
    ...body,
    ...(title === 'riastore' ? [] : ['.SH SEE ALSO', '.BR riastore (1)']),
  ]
  return { file: `${title}.1`, text: `${lines.join('\n')}\n` }
}

/** `riastore-site-add` */
function pageName(command: string): string {
  return ['riastore', ...command.split(' ')].filter((word) => word !== '').join('-')
}

function tagged(term: string, means: string): string[] {
  return ['.TP', term, sentence(means)]
}

/** Text that begins a line: what begins with a dot or a quote would be a request. */
function sentence(text: string): string {
  return quoted(text).replace(/^(?=[.'])/, '\\&')
}

function quoted(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', "'")
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
