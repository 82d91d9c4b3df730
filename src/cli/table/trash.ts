import type { CommandSpec } from '../command.ts'
import { CAREFUL, DATASETS, STORE, STORE_WORD } from './shared.ts'

export const RM = {
  name: 'rm',
  summary: 'Remove datasets from a store, for now or for good',
  usage: '[options] [STORE] DATASET…',
  description: [
    `${STORE_WORD} Each DATASET is an id or a ~alias.`,
    'A dataset goes into the trash of its store, with its git repository, its keys and its names, and can be brought \
back with riastore restore until riastore gc --all deletes it, once it has been there for long enough. It is refused \
while other datasets of the store name it as a subdataset.',
    'With --now it is deleted at once, also what an S3 server had kept of it (versions). What was removed is told, and who \
may have copies of it; where the server keeps something, or may, the exit code is 3.',
  ],
  positionals: [STORE, DATASETS],
  options: {
    keep: { type: 'text', value: 'AGE', byDefault: '30d', describe: 'how long it can be brought back: 30d, 12h' },
    now: { type: 'flag', describe: 'delete it for good, at once' },
    force: { type: 'flag', describe: 'also where other datasets name it as a subdataset' },
    'break-lock': CAREFUL['break-lock'],
  },
  examples: [
    ["rm --yes ria+ssh://host/data/store '~mydata'"],
    ["rm --now --yes --json /data/store '~mydata'", 'with proof'],
  ],
  exits: [3, 4, 5],
  json: ['dataset', 'summary'],
  changes: true,
  deletes: true,
} as const satisfies CommandSpec

export const RESTORE = {
  name: 'restore',
  summary: 'Bring datasets back that were removed from a store',
  usage: '[options] [STORE] [DATASET…]',
  description: [
    `${STORE_WORD} Each DATASET is an id. Without one, what is in the trash is listed, and until when it can be brought back.`,
    'Where a dataset was removed several times, the last one comes back.',
  ],
  positionals: [STORE, { ...DATASETS, describe: 'ids' }],
  options: { 'break-lock': CAREFUL['break-lock'] },
  examples: [
    ['restore /data/store', 'what is in the trash'],
    ['restore /data/store 9c82d81d-b96f-4c27-a90b-57172f5fd811'],
  ],
  exits: [3, 4, 5],
  json: ['dataset', 'summary'],
  changes: true,
} as const satisfies CommandSpec
