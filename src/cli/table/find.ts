import { ConfigError } from '../../core/errors.ts'
import type { CommandSpec } from '../command.ts'
import { COMMON_OPTIONS } from '../words/common-options.ts'
import { suggestion } from '../words/suggestion.ts'
import { COMMANDS, GROUPS } from './table.ts'

/** What a command line is about. */
export interface Found {
  readonly command?: CommandSpec
  /** The name by which it was called, if that is an old one. */
  readonly oldName?: string
  /** A group, or nothing, where there is no command. */
  readonly names: readonly string[]
  /** All words but those of the name. */
  readonly words: readonly string[]
}

/** Options of which a value follows in a word of its own, which is no command. */
const WITH_VALUE = Object.entries(COMMON_OPTIONS).flatMap(([name, { type }]) => (type === 'text' ? [`--${name}`] : []))

/**
 * Finds the command whose name a command line begins with; options may stand before and in it.
 * Throws ConfigError for a name that there is not, with the one that may have been meant.
 */
export function findCommand(args: readonly string[]): Found {
  const at: number[] = []
  for (let i = 0; i < args.length && at.length < 2; i++) {
    const word = args[i] ?? ''
    if (WITH_VALUE.includes(word)) i += 1
    else if (!word.startsWith('-')) at.push(i)
  }
  const [first, second] = at.map((i) => args[i] ?? '')
  if (first === undefined) return { names: [], words: args }
  const without = (count: number) => args.filter((_word, i) => !at.slice(0, count).includes(i))
  // `serve token` is a command beside `serve`.
  const both = second === undefined ? undefined : byName(`${first} ${second}`)
  if (both !== undefined) return { ...both, names: [], words: without(2) }
  const alone = byName(first)
  if (alone !== undefined) return { ...alone, names: [], words: without(1) }
  const commands = commandsOf(first)
  if (commands.length === 0) throw unknown('riastore', first, [...topNames(), ...GROUPS.map(({ name }) => name)])
  if (second === undefined) return { names: [first], words: without(1) }
  const names = commands.map(({ name }) => name.slice(first.length + 1))
  throw unknown(`riastore ${first}`, second, names)
}

/** The commands of a group that are shown. */
export function commandsOf(group: string): readonly CommandSpec[] {
  return COMMANDS.filter(({ name, hidden }) => name.startsWith(`${group} `) && !hidden)
}

/** A command by its name, or by one that it had. */
export function byName(name: string): Pick<Found, 'command' | 'oldName'> | undefined {
  for (const command of COMMANDS) {
    if (command.name === name) return { command }
    if (command.formerly?.includes(name)) return { command, oldName: name }
  }
  return undefined
}

function topNames(): string[] {
  return COMMANDS.filter(({ name, hidden }) => !name.includes(' ') && !hidden).map(({ name }) => name)
}

function unknown(program: string, name: string, known: readonly string[]): ConfigError {
  const meant = suggestion(name, known)
  const hint = meant === undefined ? `${program} --help lists them` : `${program} ${meant}?`
  return new ConfigError(`there is no command ${JSON.stringify(name)}: ${hint}`)
}
