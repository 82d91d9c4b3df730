import type { OptionTable, PositionalSpec } from '../command.ts'

/** The store that a command is about. */
export const STORE = {
  name: 'store',
  describe: 'URL, name or directory of the store; default: RIASTORE_STORE, or the store of the clone',
} as const satisfies PositionalSpec

export const DATASETS = { name: 'datasets', many: true, describe: 'ids and ~aliases' } as const satisfies PositionalSpec

/** The option by which a command is told to work on all datasets. */
export const SELECT = {
  all: { type: 'flag', describe: 'all datasets of the store' },
} as const satisfies OptionTable

/** The options of commands that change archives. */
export const CAREFUL = {
  yes: { type: 'flag', short: 'y', describe: 'do not ask; without a terminal nobody is asked' },
  'break-lock': { type: 'flag', describe: 'take the lock of a run that is no longer alive' },
} as const satisfies OptionTable

/** The options that say which keys of a clone are meant. */
export const SELECTION = {
  recursive: { type: 'flag', short: 'r', describe: 'in subdatasets that are installed, too' },
  key: { type: 'list', value: 'KEY', describe: 'this key, in place of files' },
  all: { type: 'flag', short: 'A', describe: 'all keys that the repository knows, in place of files' },
} as const satisfies OptionTable

/** Whose configuration a setting is in. */
export const SCOPE = {
  system: {
    type: 'flag',
    describe: 'for everybody on this machine: /etc/gitconfig and DataLad’s system procedures',
  },
  global: {
    type: 'flag',
    describe: 'for yourself: ~/.gitconfig and your own procedures. This is the default',
  },
} as const satisfies OptionTable

export const STORE_WORD =
  'STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+dav://, ria+davs://, ria+s3+http://, ria+s3+https://) \
or the path of a directory.'
