import type { CommandSpec } from '../command.ts'

export const HELP = {
  name: 'help',
  summary: 'Say what a command does, or what to do about a message',
  usage: '[COMMAND | exit-codes | MESSAGE]',
  description: [
    'MESSAGE is a part of what riastore, git-annex, git, ssh or DataLad said, in quotes for the shell; what stands in \
docs/troubleshooting.md is looked through.',
  ],
  positionals: [{ name: 'words', many: true, describe: 'a command, a group of commands, exit-codes, or a message' }],
  options: {},
  examples: [['help site add'], ['help exit-codes'], ['help "Unable to access these remotes"']],
  json: [],
} as const satisfies CommandSpec

export const COMPLETION = {
  name: 'completion',
  summary: 'Print what has a shell complete commands, options, datasets and aliases',
  usage: '[options] bash|zsh|fish',
  description: [
    'In bash: source <(riastore completion bash), in ~/.bashrc or as a file of bash-completion. In zsh: the same, after \
compinit. In fish: riastore completion fish >~/.config/fish/completions/riastore.fish',
    'Datasets and aliases are those of the store that stands before, or of RIASTORE_STORE; it is asked for three seconds \
at most.',
  ],
  positionals: [
    {
      name: 'shell',
      choices: ['bash', 'zsh', 'fish'],
      describe: 'of which shell',
      required: 'which shell? bash, zsh or fish',
    },
  ],
  options: {},
  examples: [['completion bash']],
  json: [],
} as const satisfies CommandSpec

/** What the shells ask. */
export const COMPLETE = {
  name: 'complete-words',
  summary: 'Print what the last of these words may become',
  usage: '-- WORD…',
  description: [],
  positionals: [{ name: 'words', many: true, describe: 'of the command line, without the first' }],
  options: {},
  examples: [],
  json: [],
  hidden: true,
} as const satisfies CommandSpec

/** What the build of the package asks. */
export const WRITE_MANUAL = {
  name: 'write-manual',
  summary: 'Write the pages of the manual',
  usage: '[options] DIRECTORY',
  description: [],
  positionals: [{ name: 'directory', describe: 'where to', required: 'where to? Give a directory' }],
  options: { date: { type: 'text', value: 'DATE', byDefault: '', describe: 'of the version' } },
  examples: [],
  json: [],
  hidden: true,
} as const satisfies CommandSpec
