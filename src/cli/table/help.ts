import type { CommandSpec } from '../command.ts'

export const HELP = {
  name: 'help',
  summary: 'Say what a command does, or what exit codes mean',
  usage: '[COMMAND | exit-codes]',
  description: [],
  positionals: [{ name: 'words', many: true, describe: 'a command, a group of commands, or exit-codes' }],
  options: {},
  examples: [['help site add'], ['help exit-codes']],
  json: [],
} as const satisfies CommandSpec
