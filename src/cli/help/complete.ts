import type { CommandSpec, OptionSpec } from '../command.ts'
import { byName, commandsOf } from '../table/find.ts'
import { COMMANDS, GROUPS } from '../table/table.ts'
import { COMMON_OPTIONS, optionsOf } from '../words/common-options.ts'
import { optionTerm } from './help.ts'

/** What may stand where the last word of a command line is. */
export interface Completions {
  /** Words that begin as it does. */
  readonly words: readonly string[]
  /** A dataset of this store may stand there; undefined: the one that counts without a name. */
  readonly datasetsOf?: { readonly store: string | undefined }
}

/** Completes the last of the words that stand behind the program's name. */
export function complete(words: readonly string[]): Completions {
  const last = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const [first, second] = before.filter((word) => !word.startsWith('-'))
  const group = GROUPS.find(({ name }) => name === first)
  const name = group === undefined ? first : `${first} ${second ?? ''}`
  const command = name === undefined ? undefined : byName(name)?.command
  if (command !== undefined) return ofCommand(command, before, last)
  if (last.startsWith('-')) return { words: beginning(last, optionWords(COMMON_OPTIONS)) }
  if (group !== undefined)
    return {
      words: beginning(
        last,
        commandsOf(group.name).map((each) => each.name.slice(group.name.length + 1)),
      ),
    }
  const alone = COMMANDS.filter((each) => !each.hidden && !each.name.includes(' ')).map((each) => each.name)
  return { words: beginning(last, [...alone, ...GROUPS.map((each) => each.name)]) }
}

function ofCommand(command: CommandSpec, before: readonly string[], last: string): Completions {
  const table = optionsOf(command)
  const previous = before.at(-1) ?? ''
  const option = Object.entries(table).find(
    ([name, { short }]) => previous === `--${name}` || previous === `-${short}`,
  )?.[1]
  if (option !== undefined && option.type !== 'flag') return { words: beginning(last, option.choices ?? []) }
  if (last.startsWith('-')) return { words: beginning(last, optionWords(table)) }
  if (command.name === 'help') {
    return {
      words: beginning(last, [...COMMANDS.filter(({ hidden }) => !hidden).map(({ name }) => name), 'exit-codes']),
    }
  }
  const given = positionalsIn(before, table).slice(command.name.split(' ').length)
  const spec = command.positionals[Math.min(given.length, command.positionals.length - 1)]
  if (spec?.choices !== undefined) return { words: beginning(last, spec.choices) }
  const takesDataset =
    command.positionals.some(({ name }) => name === 'datasets') || /^(url|alias set)$/.test(command.name)
  if (!takesDataset) return { words: [] }
  return given.length === 0 && !last.startsWith('~') ? { words: [] } : { words: [], datasetsOf: { store: given[0] } }
}

function positionalsIn(words: readonly string[], table: Readonly<Record<string, OptionSpec>>): string[] {
  const takesValue = (word: string) =>
    Object.entries(table).some(
      ([name, { type, short }]) => type !== 'flag' && (word === `--${name}` || word === `-${short}`),
    )
  return words.filter((word, i) => !word.startsWith('-') && !takesValue(words[i - 1] ?? ''))
}

function optionWords(table: Readonly<Record<string, OptionSpec>>): string[] {
  return Object.entries(table).map(([name, option]) => optionTerm(name, option).split(' ')[0] ?? '')
}

function beginning(last: string, words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith(last))
}
