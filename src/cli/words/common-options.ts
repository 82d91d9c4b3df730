import type { CommandSpec, OptionTable } from '../command.ts'

/** Options that every command has. */
export const COMMON_OPTIONS = {
  quiet: { type: 'flag', short: 'q', describe: 'say only what was asked for, and what is wrong' },
  verbose: {
    type: 'flag',
    short: 'v',
    describe: 'say what is done, too; -vv: each request to a store',
  },
  'no-progress': { type: 'flag', describe: 'do not tell how far it is' },
  'stall-timeout': {
    type: 'text',
    value: 'SECONDS',
    describe: 'time without any progress after which a request to a store has failed; default 30',
  },
  help: { type: 'flag', short: 'h', describe: 'say what the command does' },
  version: { type: 'flag', short: 'V', describe: 'say which version this is' },
} as const satisfies OptionTable

const JSON_OPTION = {
  json: { type: 'flag', describe: 'print JSON: an object a line' },
} as const satisfies OptionTable

const DRY_RUN = {
  'dry-run': { type: 'flag', short: 'n', describe: 'say what would be done, and do nothing' },
} as const satisfies OptionTable

const MOVES = {
  jobs: { type: 'text', short: 'J', value: 'N', describe: 'requests to a store at once' },
  bwlimit: { type: 'text', value: 'RATE', describe: 'bytes a second, at most: 10M' },
} as const satisfies OptionTable

const SPLITS = {
  shard: {
    type: 'text',
    value: 'K/N',
    describe: 'only the datasets of the K-th of N parts, which are the same each time: for N runs at once',
  },
} as const satisfies OptionTable

const RESUMES = {
  resume: {
    type: 'flag',
    describe:
      'note which datasets are done, and leave out those that the same command, with --resume, had done before it was cut',
  },
  state: { type: 'text', value: 'FILE', describe: 'with --resume: note it here, not in ~/.local/state/riastore' },
} as const satisfies OptionTable

const DELETES = {
  yes: { type: 'flag', short: 'y', describe: 'do not ask; without a terminal it has to be given' },
} as const satisfies OptionTable

/** All options of a command: its own, and those that follow from what it does. */
export function optionsOf(command: CommandSpec): OptionTable {
  return {
    ...(command.moves && MOVES),
    ...(command.changes && DRY_RUN),
    ...(command.json.length > 0 && JSON_OPTION),
    ...(command.splits && SPLITS),
    ...(command.resumes && RESUMES),
    ...(command.deletes && DELETES),
    ...command.options,
    ...COMMON_OPTIONS,
  }
}
