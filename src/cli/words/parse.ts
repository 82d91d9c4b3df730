import { parseArgs } from 'node:util'
import { ConfigError } from '../../core/errors.ts'
import {
  type CommandSpec,
  camelCase,
  type GivenArgs,
  type OptionSpec,
  type OptionTable,
  placeholder,
} from '../command.ts'
import { optionsOf } from './common-options.ts'
import { splitMatching } from './matching-options.ts'
import { suggestion } from './suggestion.ts'

/**
 * Reads the words that stand behind a command's name. Throws ConfigError for whatever the command's
 * table does not have.
 */
export function parseWords(command: CommandSpec, words: readonly string[]): GivenArgs {
  const { matching, rest } = command.matching ? splitMatching(words) : { matching: [], rest: words }
  const table = optionsOf(command)
  const given: Record<string, string | boolean | number | readonly string[]> = {}
  const positionals: string[] = []
  for (const token of tokensOf(table, rest)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind === 'option') take(given, table, token)
  }
  if (given.help || given.version) return given
  checkConflicts(command, given)
  fillIn(given, table)
  return { ...given, ...placed(command, positionals), ...(command.matching && { matching }) }
}

/** `-V`, `--help` and the like, of a command line that names no command. */
export function parseOptionsAlone(table: OptionTable, words: readonly string[]): GivenArgs {
  const given: Record<string, string | boolean | number | readonly string[]> = {}
  for (const token of tokensOf(table, words)) if (token.kind === 'option') take(given, table, token)
  return given
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number]
type OptionToken = Extract<Token, { kind: 'option' }>

function tokensOf(table: OptionTable, words: readonly string[]): readonly Token[] {
  const options = Object.entries(table).map(([name, { type, short }]) => {
    const kind = type === 'flag' ? ('boolean' as const) : ('string' as const)
    return [name, short === undefined ? { type: kind } : { type: kind, short }] as const
  })
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  return tokens
}

function take(
  given: Record<string, string | boolean | number | readonly string[]>,
  table: OptionTable,
  { name, rawName, value, inlineValue }: OptionToken,
): void {
  const turnedOff = /^no-(.+)$/s.exec(name)?.[1] ?? ''
  if (value === undefined && own(table, turnedOff)?.byDefault === true) {
    given[camelCase(turnedOff)] = false
    return
  }
  const option = own(table, name)
  if (option === undefined) throw new ConfigError(unknownOption(table, rawName))
  const at = camelCase(name)
  if (option.type === 'flag') {
    if (value !== undefined) throw new ConfigError(`--${name} takes no value`)
    given[at] = name === 'verbose' ? Number(given[at] ?? 0) + 1 : true
    return
  }
  if (value === undefined || (!inlineValue && /^-./s.test(value))) {
    throw new ConfigError(`${rawName} wants a value: ${rawName} ${placeholder(option)}`)
  }
  if (option.choices !== undefined && !option.choices.includes(value)) {
    throw new ConfigError(`--${name} ${JSON.stringify(value)}: it is one of ${option.choices.join(', ')}`)
  }
  if (option.type === 'text') given[at] = value
  else given[at] = [...((given[at] as readonly string[] | undefined) ?? []), value]
}

function own(table: OptionTable, name: string): OptionSpec | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function unknownOption(table: OptionTable, rawName: string): string {
  const known = Object.entries(table).flatMap(([name, { byDefault }]) => [byDefault === true ? `no-${name}` : name])
  const meant = rawName.startsWith('--') ? suggestion(rawName.slice(2), known) : undefined
  return `there is no option ${rawName}${meant === undefined ? '' : `: --${meant}?`}`
}

function checkConflicts({ conflicts = {} }: CommandSpec, given: GivenArgs): void {
  for (const [name, others] of Object.entries(conflicts)) {
    const other = others.find((candidate) => given[camelCase(candidate)] !== undefined)
    if (given[camelCase(name)] === undefined || other === undefined) continue
    throw new ConfigError(`--${name} and --${other} do not go together`)
  }
}

function fillIn(given: Record<string, string | boolean | number | readonly string[]>, table: OptionTable): void {
  for (const [name, { byDefault, required }] of Object.entries(table)) {
    const at = camelCase(name)
    if (given[at] !== undefined) continue
    if (required !== undefined) throw new ConfigError(required)
    if (byDefault !== undefined) given[at] = byDefault
  }
}

function placed({ name, positionals }: CommandSpec, words: readonly string[]): GivenArgs {
  const given: Record<string, string | readonly string[]> = {}
  let at = 0
  for (const spec of positionals) {
    const left = words.slice(at)
    if (left.length === 0 && spec.required !== undefined) throw new ConfigError(spec.required)
    for (const word of spec.many ? left : left.slice(0, 1)) {
      if (spec.choices === undefined || spec.choices.includes(word)) continue
      const meant = suggestion(word, spec.choices)
      const hint = meant === undefined ? '' : `: ${meant}?`
      throw new ConfigError(`${JSON.stringify(word)} is none of ${spec.choices.join(', ')}${hint}`)
    }
    if (spec.many) given[camelCase(spec.name)] = left
    else if (left[0] !== undefined) given[camelCase(spec.name)] = left[0]
    at += spec.many ? left.length : 1
  }
  if (at >= words.length) return given
  throw new ConfigError(`${JSON.stringify(words[at])} is too much: riastore help ${name} says what it wants`)
}
