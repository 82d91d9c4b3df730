import type { CommandSpec } from '../command.ts'
import { CAREFUL } from './shared.ts'

const WORDS = {
  name: 'words',
  many: true,
  describe: 'the store, a dataset of it, and paths in that',
} as const

const AT = {
  type: 'text',
  value: 'REF',
  describe: 'a branch, a tag, or the whole id of a commit. Default: what HEAD points to',
} as const

export const LS = {
  name: 'ls',
  summary: 'List the datasets of a store, or the files of a dataset',
  usage: '[options] [STORE] [DATASET [PATH…]]',
  description: [
    'Without a dataset: its datasets, with the day of their newest commit, the id, the aliases and the name: that of \
BIDS (dataset_description.json), else the description of the repository, the project in GitLab, or the title of the \
README. They come as they are found; only --sort and --tree read all of them first.',
    'With a dataset: its files, as git has them, without a clone. + is before those whose content the store has, - \
before those whose content it has not, ? where nobody knows, because what is there is damaged.',
    'STORE is a URL, a name or the path of a directory. DATASET is an id or a ~alias; it can be a part of STORE, as #<id>.',
  ],
  positionals: [WORDS],
  options: {
    long: {
      type: 'flag',
      short: 'l',
      describe: 'datasets: count keys and their bytes (every key is listed), layout, sharing, owner; files: their keys',
    },
    match: { type: 'text', value: 'TEXT', describe: 'only datasets whose id, aliases or name have this in them' },
    newer: { type: 'text', value: 'AGE', describe: 'only datasets with a commit of the last 30d, 12h' },
    older: { type: 'text', value: 'AGE', describe: 'only datasets without one' },
    sort: {
      type: 'text',
      choices: ['id', 'name', 'date', 'keys', 'size'],
      describe: 'sort datasets; by keys and size the largest come first, by date the newest',
    },
    tree: { type: 'flag', describe: 'datasets below the ones that they are subdatasets of' },
    recursive: { type: 'flag', short: 'r', describe: 'files: all that is below the directories' },
    at: AT,
  },
  conflicts: { tree: ['sort'] },
  examples: [
    ['ls ria+ssh://host/data/store', 'all datasets'],
    ["ls -r ria+ssh://host/data/store '~mydata' sub-01", 'what is in a directory of one'],
  ],
  exits: [4],
  json: ['dataset', 'file', 'summary'],
  splits: true,
} as const satisfies CommandSpec

export const CAT = {
  name: 'cat',
  summary: 'Write the content of a file in a store to stdout',
  usage: '[options] [STORE] DATASET PATH',
  description: [
    'It needs no clone. Of an annexed file the content comes from the store, loose or out of the archive, and is held \
against the checksum of its key: when that is wrong, the exit code is 1, after all has been written.',
    'STORE is a URL, a name or the path of a directory. DATASET is an id or a ~alias; it can be a part of STORE, as #<id>.',
  ],
  positionals: [WORDS],
  options: {
    at: AT,
    range: {
      type: 'text',
      value: 'FROM-TO',
      describe: 'only these bytes, the first being 0, and TO with them: 0-1023, 4096-. No checksum is looked at',
    },
  },
  examples: [["cat ria+ssh://host/data/store '~mydata' sub-01/x.dat"]],
  exits: [4],
  json: [],
} as const satisfies CommandSpec

export const CHECK = {
  name: 'check',
  summary: 'Look whether a store and its datasets are whole',
  usage: '[options] [STORE] [DATASET…]',
  description: [
    'All datasets, if none is named. Nothing is changed. It looks at layout files, aliases, refs and what they lead to, \
packs and objects (by git fsck where git reaches, else by their checksums), what others see of the last push, archives and the \
places in them, the places, lengths, modes and owners of loose keys, traces of a git-annex that was run in the \
repository, dead uploads and locks.',
    'With --data the content of keys is read and held against their checksums, those first that were read longest ago, \
or never. When each was last found good is remembered on this machine, in ~/.cache/riastore. So a run each night with \
--for 6h --resume, or --subset 4%, gets around.',
    'Each problem is told with the file, the key, the place, and what mends it. The exit code is 3 when there are any.',
  ],
  positionals: [WORDS],
  options: {
    data: { type: 'flag', describe: 'read the content of keys, too' },
    subset: {
      type: 'text',
      value: 'PART',
      describe: 'with --data: 5% of the keys, the third of twenty parts (3/20), or 500G of them, of each dataset',
    },
    for: { type: 'text', value: 'TIME', describe: 'with --data: begin with no other key when so long has passed: 6h' },
  },
  examples: [
    ['check ria+ssh://host/data/store', 'everything but content'],
    ['check --data --for 6h --resume ria+ssh://host/data/store', 'what a nightly run does'],
  ],
  exits: [3, 4],
  json: ['finding', 'progress', 'summary'],
  splits: true,
  resumes: true,
  moves: true,
} as const satisfies CommandSpec

export const REPAIR = {
  name: 'repair',
  summary: 'Mend what check finds, as far as it can be proven',
  usage: '[options] [STORE] [DATASET…]',
  description: [
    'All datasets, if none is named. It looks as check does, and mends: damaged keys, keys that lie where nobody looks \
for them, archives that nobody can read and members of archives that nobody finds, modes, aliases that lead nowhere, \
what others see of the last push, what dead uploads and runs left, datasets without a layout file, packs, objects and \
refs of git. What it cannot prove it leaves, and says what to do.',
    'Of damaged keys it knows those of a wrong length, and those that check --data found; with --data it reads all. A \
damaged copy is kept in quarantine/ of the dataset. A good one comes from elsewhere in the dataset, else --from a \
clone, another store that has the dataset, or a remote of the clone that we are in; it is read back before it is put in \
place. Where none is found the key counts as not there, so that git annex copy brings it again; with a clone in --from \
its records are set right.',
    'What refs need of git and is damaged or gone comes from what can still be read, else --from a clone or another \
store; only then is what is damaged kept in quarantine/. A ref that leads to what none of them has goes there, too, \
unless one of them is a shallow or partial clone.',
    'A dataset that says by the id in .datalad/config that it is another is moved to where that id belongs only when it \
is named: a copy may be kept under an id of its own.',
    'Nothing is removed but unfinished uploads of our own that are a day old: what is in the way is kept in quarantine/.',
  ],
  positionals: [WORDS],
  options: {
    from: {
      type: 'list',
      value: 'SOURCE',
      describe: 'where good copies are: a clone, a store, or a remote of the clone that we are in; may be repeated',
    },
    data: { type: 'flag', describe: 'read the content of all keys first' },
    'break-lock': CAREFUL['break-lock'],
  },
  examples: [
    ['repair -n ria+ssh://host/data/store', 'what would be done'],
    ["repair --from ~/clone ria+ssh://host/data/store '~mydata'"],
  ],
  exits: [3, 4, 5],
  json: ['finding', 'progress', 'summary'],
  splits: true,
  resumes: true,
  changes: true,
  deletes: true,
  moves: true,
} as const satisfies CommandSpec
