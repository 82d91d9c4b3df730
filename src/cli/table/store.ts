import type { CommandSpec } from '../command.ts'
import { DATASETS, STORE, STORE_WORD } from './shared.ts'

export const INIT = {
  name: 'init',
  summary: 'Make a store',
  usage: '[options] STORE [DATASET…]',
  description: [
    STORE_WORD,
    'Where a store is already, only what is missing is made. Where anything else is, nothing is. A place where a \
store would not be safe is refused, with the reason.',
    'In a bucket of S3 without lifecycle rules, one is set that gives up uploads which nobody finished.',
    'In a bucket that has Object Lock, --append-only with --until has the server lock keys, archives and git objects \
that are there until then; what comes later when the same command is given again.',
  ],
  positionals: [STORE, DATASETS],
  options: {
    'append-only': {
      type: 'flag',
      describe:
        'our programs remove and replace nothing in it, or in each DATASET, from now on; no option takes that back',
    },
    until: {
      type: 'text',
      value: 'DATE',
      describe: 'with --append-only: the last day on which that is so, 2030-12-31',
    },
  },
  examples: [
    ['init ria+ssh://host/data/store'],
    ['init ria+s3+https://s3.example.org/bucket/store'],
    ['init --append-only --until 2030-12-31 /data/store', 'nothing is lost by mistake until then'],
  ],
  exits: [3, 4],
  json: ['dataset', 'finding', 'store'],
  changes: true,
} as const satisfies CommandSpec

export const DOCTOR = {
  name: 'doctor',
  summary: 'Examine a store, or what is between a clone and its store',
  usage: '[options] [STORE]',
  description: [
    `${STORE_WORD} It may be ria+http(s)://, too.`,
    'A store is used as it will be: files are stored, read, replaced and removed below a temporary name; several \
are stored at once. Nothing of it stays.',
    'Without STORE, in a clone of a dataset: which git-annex-remote-ora git-annex runs, and whose it is; versions of \
programs; whether the storage siblings are enabled, confirmed, used and reached, and can be written to; what datalad \
push serves first; where credentials come from; clocks. With the clone’s own STORE, both. A store that gives no answer \
is waited for five seconds, or as --stall-timeout says.',
    'With what is wrong comes the command that mends it.',
    'The exit code is 3 when something is unsafe, or failed: could not be tried, or does not work.',
  ],
  positionals: [STORE],
  options: {},
  examples: [
    ['doctor ria+s3+https://s3.example.org/bucket/store'],
    ['doctor', 'in a clone: why does git annex get, or datalad push, not work?'],
  ],
  exits: [3, 4],
  json: ['finding', 'summary'],
} as const satisfies CommandSpec
