import type { CommandSpec } from '../command.ts'
import { CAREFUL, DATASETS, STORE_WORD } from './shared.ts'

export const COPY = {
  name: 'copy',
  summary: 'Copy datasets into another store, or what is new of them',
  usage: '[options] SRC DST [DATASET…]',
  description: [
    `SRC and DST are stores, on whatever they lie. DST is made where nothing is. ${STORE_WORD} \
Each DATASET is an id or a ~alias; default: all.`,
    'Keys, archives as they are, refs with their objects, the configuration and aliases are copied. Each file is held \
against its checksum while it is read, and read back from DST. A dataset is seen in DST when it is whole. Run it again \
where it was interrupted, or to bring over what is new: it moves nothing else, and removes nothing, \
but with --delete: then what SRC has no more goes into the trash of DST.',
    "With --register git-annex's records of each dataset, in SRC and in DST, are told of the copy as a special remote of \
its own and of the keys that it has, and clones of DST take it for their storage sibling.",
    'A ref of DST that somebody pushed to by another way than this is left as it is, and named.',
  ],
  positionals: [
    {
      name: 'src',
      describe: 'the store to copy from',
      required: 'which stores? Give the one to copy from, and the one to copy to',
    },
    { name: 'dst', describe: 'the store to copy to', required: 'to which store?' },
    DATASETS,
  ],
  options: {
    delete: {
      type: 'flag',
      describe: 'put into the trash of DST what SRC has no more: keys, and datasets where all are copied',
    },
    keep: {
      type: 'text',
      value: 'AGE',
      byDefault: '30d',
      describe: 'how long what went into the trash can be brought back',
    },
    register: { type: 'flag', describe: "tell git-annex's records of the copy, as a second special remote" },
    name: {
      type: 'text',
      value: 'NAME',
      describe: 'with --register: what the special remote is called (default: copy-storage)',
    },
    force: { type: 'flag', describe: 'set refs of DST back to those of SRC, also where DST has commits of its own' },
  },
  examples: [
    ['copy /data/store ria+s3+https://s3.example.org/bucket/store', 'a second copy of all, or an update of it'],
    ["copy /data/store ria+ssh://host/data/store '~mydata'"],
    ['copy --register /data/store ria+ssh://host/data/store', 'git-annex counts it, too'],
  ],
  exits: [3, 4, 5],
  json: ['dataset', 'progress', 'summary'],
  changes: true,
  moves: true,
  splits: true,
  resumes: true,
} as const satisfies CommandSpec

export const MOVE = {
  name: 'move',
  summary: 'Move datasets into another store, and say what clones have to be told',
  usage: '[options] SRC DST [DATASET…]',
  description: [
    COPY.description[0],
    'Each dataset is copied as by riastore copy, then all keys of the copy are read and held against their checksums, \
then what came to SRC meanwhile is copied, and only then the dataset goes into the trash of SRC, where riastore restore \
brings it back. Where anything is not as it should be it stays in SRC.',
    "git-annex's records in the copy get the new address of the storage sibling, where they had that of SRC. What has to \
be told to each clone is printed, as commands.",
  ],
  positionals: COPY.positionals,
  options: { keep: COPY.options.keep, 'break-lock': CAREFUL['break-lock'] },
  examples: [["move /data/store ria+ssh://host/data/store '~mydata'"]],
  exits: [3, 4, 5],
  json: ['dataset', 'progress', 'summary'],
  changes: true,
  moves: true,
  deletes: true,
} as const satisfies CommandSpec
