import type { CommandSpec } from '../command.ts'
import { CAREFUL, DATASETS, SELECT, STORE, STORE_WORD } from './shared.ts'

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

export const DEDUP = {
  name: 'dedup',
  summary: 'Have the same key in several datasets take its space once',
  usage: '[options] [STORE]',
  description: [
    'STORE is a directory on a disk of this machine: elsewhere there are no links. Loose keys that are there several \
times, in one dataset or in several, get the bytes of the newest of them: by reflink where the file system has that, else \
by a hard link, where owner and mode are the same. Both are read to their ends before, and have to be the same, and to \
have the checksum of the key. Each file takes the place of another one by one rename, under the lock of its dataset.',
    'Programs of git-annex, DataLad and riastore never write into a key that is there, and drop removes one name only. \
With --undo each file with several names gets bytes of its own again.',
  ],
  positionals: [STORE],
  options: {
    undo: { type: 'flag', describe: 'give each file that has several names bytes of its own' },
    'break-lock': CAREFUL['break-lock'],
  },
  examples: [
    ['dedup --dry-run /data/store', 'what there is to gain'],
    ['dedup --yes /data/store', 'from cron'],
  ],
  exits: [3, 5],
  json: ['key', 'dataset', 'finding', 'progress', 'summary'],
  changes: true,
  deletes: true,
} as const satisfies CommandSpec

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
  json: ['key', 'dataset', 'progress', 'summary'],
  changes: true,
  moves: true,
  deletes: true,
  splits: true,
  resumes: true,
} as const satisfies CommandSpec
