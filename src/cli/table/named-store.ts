import { STORE_SETTINGS } from '../../ria/settings/store-setting-names.ts'
import type { CommandSpec, OptionTable } from '../command.ts'

const NAME = {
  name: 'name',
  describe: 'name of the store',
  required: 'which store? Give its name: riastore store ls tells them',
} as const

const { url: _longer, ...OTHERS } = STORE_SETTINGS

const URL_HELP = 'URL of the store, ria+…://…'

const VALUES: OptionTable = Object.fromEntries(
  Object.entries(OTHERS).map(([name, describe]) => [
    name,
    { type: 'text', describe, group: 'How it is used' } as const,
  ]),
)

const SCOPE = {
  system: { type: 'flag', describe: 'for everybody on this machine: /etc/gitconfig' },
  global: { type: 'flag', describe: 'for yourself: ~/.gitconfig. This is the default' },
} as const satisfies OptionTable

const WHERE =
  "It is written into git's configuration, as riastore.store.NAME.…, and counts for riastore's commands, git's helpers \
and the special remote. Nothing is connected to: riastore doctor NAME does that."

export const STORE_ADD = {
  name: 'store add',
  summary: 'Give a store a name',
  usage: '[options] NAME URL',
  description: ['Wherever a STORE is wanted, NAME will do then.', WHERE],
  positionals: [NAME, { name: 'url', describe: URL_HELP, required: 'where is the store? Give its URL' }],
  options: { ...VALUES, ...SCOPE },
  examples: [
    ['store add lab ria+ssh://host/data/store'],
    ['store add lab ria+s3+https://s3.example.org/bucket --profile lab'],
  ],
  json: ['store-name'],
  changes: true,
} as const satisfies CommandSpec

export const STORE_SET = {
  name: 'store set',
  summary: 'Change the settings of a store that has a name',
  usage: '[options] NAME',
  description: ['What is not given stays as it is; an empty value removes one.', WHERE],
  positionals: [NAME],
  options: { url: { type: 'text', describe: URL_HELP, group: 'How it is used' }, ...VALUES, ...SCOPE },
  examples: [['store set lab --acl bucket-owner-full-control'], ["store set lab --profile ''"]],
  json: ['store-name'],
  changes: true,
} as const satisfies CommandSpec

export const STORE_LS = {
  name: 'store ls',
  summary: 'List the stores that have a name',
  usage: '[options]',
  description: ['Sites (riastore site ls) are stores that have a name, too.'],
  positionals: [],
  options: {},
  examples: [],
  json: ['store-name'],
} as const satisfies CommandSpec

export const STORE_RM = {
  name: 'store rm',
  summary: 'Take the name of a store away, with its settings',
  usage: '[options] NAME',
  description: ['The store itself stays as it is.'],
  positionals: [NAME],
  options: SCOPE,
  examples: [['store rm lab']],
  json: ['store-name'],
  changes: true,
  deletes: true,
} as const satisfies CommandSpec
