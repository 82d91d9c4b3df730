import type { CommandSpec } from '../command.ts'
import { CAREFUL, DATASETS, SELECT, STORE, STORE_WORD } from './shared.ts'

export const UNARCHIVE = {
  name: 'unarchive',
  summary: 'Make the keys of archives loose again and remove the archives',
  usage: '[options] STORE [DATASET…]',
  description: [
    `${STORE_WORD} Each DATASET is an id or a ~alias.`,
    'Every key is checked while it is written. If one cannot be unpacked, the archive stays. Keys can be read, stored \
and dropped meanwhile. If the command is interrupted, nothing is lost: run it again and it finishes.',
  ],
  positionals: [STORE, DATASETS],
  options: { ...SELECT, ...CAREFUL },
  examples: [["unarchive ria+ssh://host/store '~raw'"]],
  exits: [4, 5],
  json: ['dataset', 'progress', 'summary'],
  changes: true,
  moves: true,
  splits: true,
  resumes: true,
} as const satisfies CommandSpec
