import type { CommandSpec } from '../command.ts'
import { DATASETS, SELECT, STORE, STORE_WORD } from './shared.ts'

export const GC = {
  name: 'gc',
  summary: 'Tidy datasets up: git packs, what killed programs left, and the trash',
  usage: '[options] STORE [DATASET…]',
  description: [
    `${STORE_WORD} Each DATASET is an id or a ~alias.`,
    "Where git can be run (a disk, ssh), git gc is run in each dataset's repository. Elsewhere (S3, SFTP, WebDAV) all \
packs are downloaded, put together by git, checked, and uploaded as one. Clones and pushes meanwhile are not disturbed: \
what is no longer used is removed once the grace period is over.",
    'Temporary files of uploads on which nothing was written for a day are removed, and the lock of a run that is \
certainly dead. With --all, datasets that have been in the trash for long enough are deleted, too. Keys are not touched.',
  ],
  positionals: [STORE, DATASETS],
  options: {
    ...SELECT,
    grace: {
      type: 'text',
      value: 'AGE',
      byDefault: '14d',
      describe: 'how long what is no longer used is kept: 14d, 12h',
    },
  },
  examples: [['gc ria+s3+https://s3.example.org/bucket/store --all']],
  exits: [4, 5],
  json: ['dataset', 'progress', 'store', 'summary'],
  changes: true,
  moves: true,
  splits: true,
  resumes: true,
} as const satisfies CommandSpec
