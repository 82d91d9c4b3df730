import type { CommandSpec } from '../command.ts'
import { STORE } from './shared.ts'

export const EXISTING = ['skip', 'error', 'reconfigure'] as const

export const CREATE_SIBLING = {
  name: 'create-sibling',
  summary: 'Set up the siblings of a dataset in a store',
  usage: '-s NAME [options] STORE',
  description: [
    'That is a bare git repository, and a storage sibling (a special remote of git-annex) on which it depends.',
    'STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+dav(s)://, ria+s3+http(s)://) or the path of a \
directory. With --push-url it may be ria+https:// or ria+http:// too.',
    'What fails is taken back, so that the same command can be given again.',
  ],
  positionals: [{ ...STORE, describe: 'URL, name or directory of the store', required: 'which store? Give its URL' }],
  options: {
    name: {
      type: 'text',
      short: 's',
      value: 'NAME',
      required: 'what shall the sibling be called? Give --name',
      describe: 'of the sibling',
    },
    dataset: { type: 'text', short: 'd', value: 'PATH', describe: 'its directory (default: this one)' },
    'storage-name': { type: 'text', value: 'NAME', describe: 'of the storage sibling (default: NAME-storage)' },
    alias: { type: 'text', value: 'ALIAS', describe: 'of the dataset, in the store: …#~ALIAS' },
    'post-update-hook': { type: 'flag', describe: 'keep the repository ready for a plain web server' },
    shared: {
      type: 'text',
      value: 'WHOM',
      describe: 'as git init has it: false, true, umask, group, all, world, everybody, or a mode',
    },
    group: { type: 'text', value: 'GROUP', describe: 'that the files in the store get' },
    'storage-sibling': {
      type: 'text',
      choices: ['on', 'off', 'only'],
      describe: 'off: git alone; only: keys alone (default: on)',
    },
    existing: {
      type: 'text',
      choices: EXISTING,
      describe: 'what to do about a sibling that exists (default: error, unless it is as asked for)',
    },
    'new-store-ok': { type: 'flag', describe: 'make the store where there is none' },
    'trust-level': {
      type: 'text',
      choices: ['trust', 'semitrust', 'untrust'],
      describe: "git-annex's trust in the storage sibling",
    },
    'push-url': { type: 'text', value: 'URL', describe: 'URL of the same store to write through' },
    recursive: { type: 'flag', short: 'r', describe: 'also for all subdatasets that are there' },
  },
  examples: [
    ['create-sibling -s ria ria+ssh://host/data/store'],
    ['create-sibling -s ria --alias eeg --shared group /data/store'],
  ],
  exits: [4],
  json: ['sibling'],
  changes: true,
} as const satisfies CommandSpec
