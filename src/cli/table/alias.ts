import type { CommandSpec } from '../command.ts'
import { STORE } from './shared.ts'

const ALIAS = 'datalad clone STORE#~NAME finds a dataset by its alias.'

const KINDS =
  'On a disk and over ssh a name is a symbolic link. Elsewhere it is a copy of the git repository, which each push \
renews: its keys are not copied.'

export const ALIAS_LS = {
  name: 'alias ls',
  formerly: ['alias list'],
  summary: 'List the names of datasets',
  usage: '[options] STORE',
  description: [ALIAS],
  positionals: [STORE],
  options: {},
  examples: [['alias ls ria+ssh://host/data/store']],
  exits: [4],
  json: ['alias'],
} as const satisfies CommandSpec

export const ALIAS_SET = {
  name: 'alias set',
  summary: 'Give a dataset a name',
  usage: '[options] STORE DATASET NAME',
  description: [ALIAS, 'DATASET is an id or a ~name; it can be a part of STORE, as #<id>.', KINDS],
  positionals: [{ name: 'words', many: true, describe: 'the store, the dataset and its name' }],
  options: {},
  examples: [['alias set ria+s3+https://s3.example.org/bucket 6d6d9a7e-… mydata']],
  exits: [4],
  json: ['alias'],
  changes: true,
} as const satisfies CommandSpec

export const ALIAS_MV = {
  name: 'alias mv',
  summary: 'Give a dataset another name for one that it has',
  usage: '[options] STORE NAME NEWNAME',
  description: [
    'The new name is made before the old one is taken away, so the dataset can be found by one of them at any time. \
A name that another dataset has is refused.',
    KINDS,
  ],
  positionals: [{ name: 'words', many: true, describe: 'the store, the name and the new name' }],
  options: {},
  examples: [['alias mv ria+ssh://host/data/store mydata ourdata']],
  exits: [4],
  json: ['alias'],
  changes: true,
} as const satisfies CommandSpec

export const ALIAS_RM = {
  name: 'alias rm',
  formerly: ['alias remove'],
  summary: 'Take a name of a dataset away',
  usage: '[options] STORE NAME',
  description: ['The dataset stays as it is. Whoever cloned it by this name finds it by its id.'],
  positionals: [{ name: 'words', many: true, describe: 'the store and the name' }],
  options: {},
  examples: [['alias rm --yes ria+ssh://host/data/store mydata']],
  exits: [4],
  json: ['alias'],
  changes: true,
  deletes: true,
} as const satisfies CommandSpec
