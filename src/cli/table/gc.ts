import type { CommandSpec } from '../command.ts'
import { DATASETS, SELECT, STORE } from './shared.ts'

export const GC = {
  name: 'gc',
  summary: 'Put the git packs of datasets together',
  usage: '[options] STORE [DATASET…]',
  description: [
    'This is for stores where there is no git on the other side (S3, SFTP, WebDAV).',
    'STORE is a URL (ria+s3+https://, ria+s3+http://, ria+sftp://, ria+dav(s)://). Each DATASET is an id or a ~alias.',
    "All packs of a dataset's git repository are downloaded, put together by git, checked, and uploaded as one. \
Clones and pushes meanwhile are not disturbed: what is no longer used is removed once the grace period is over. \
Keys are not touched.",
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
  json: ['dataset', 'progress', 'summary'],
  changes: true,
  moves: true,
} as const satisfies CommandSpec
