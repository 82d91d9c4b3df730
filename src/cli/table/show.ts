import type { CommandSpec } from '../command.ts'
import { DATASETS, SELECT, STORE } from './shared.ts'

export const SHOW = {
  name: 'show',
  summary: 'Tell what datasets of a store are, without cloning them',
  usage: '[options] STORE [DATASET…]',
  description: [
    'It tells their refs, what .datalad/config says, and how their README begins, also of one that is annexed.',
    'STORE is a URL or the path of a directory. Each DATASET is an id or a ~alias.',
  ],
  positionals: [STORE, DATASETS],
  options: SELECT,
  examples: [["show ria+s3+https://s3.example.org/bucket/store '~mydata'"]],
  exits: [4],
  json: ['dataset', 'progress', 'summary'],
  splits: true,
} as const satisfies CommandSpec
