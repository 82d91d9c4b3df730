import type { CommandSpec } from '../command.ts'
import { CAREFUL, DATASETS, STORE, STORE_WORD } from './shared.ts'

export const UNUSED = {
  name: 'unused',
  summary: 'Find keys that no branch or tag names, and drop them',
  usage: '[options] STORE [DATASET…]',
  description: [
    `${STORE_WORD} Each DATASET is an id or a ~alias; default: all.`,
    'As git annex unused does, it looks at what all branches, tags and other refs have now, and not at what they had. A \
dataset of which any ref cannot be read, or that has no branch in this store, is refused. Since keys come before the git \
push that names them, those are left that came within the grace period, or after the newest commit was made. Encrypted \
keys tell nobody what they are, and are left.',
    'With --drop loose keys that are not used go into the trash of the store, from where riastore restore brings them \
back. Keys in an archive stay; riastore unarchive makes them loose.',
  ],
  positionals: [STORE, DATASETS],
  options: {
    drop: { type: 'flag', describe: 'put them into the trash' },
    keep: { type: 'text', value: 'AGE', byDefault: '30d', describe: 'with --drop: how long they can be brought back' },
    grace: { type: 'text', value: 'AGE', byDefault: '14d', describe: 'how long ago a key must have come: 14d, 12h' },
    'break-lock': CAREFUL['break-lock'],
  },
  examples: [
    ["unused /data/store '~mydata'"],
    ['unused --drop --yes ria+ssh://host/data/store', 'of all datasets, from cron'],
  ],
  exits: [4, 5],
  json: ['key', 'dataset', 'summary'],
  changes: true,
  deletes: true,
  splits: true,
  resumes: true,
} as const satisfies CommandSpec
