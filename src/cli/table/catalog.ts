import type { CommandSpec } from '../command.ts'
import { STORE } from './shared.ts'

const LINKS = 'Where links lead'

export const CATALOG = {
  name: 'catalog',
  summary: 'Write the catalogue of a store as pages that need no server',
  usage: '[options] [STORE] DIR|STORE',
  description: [
    'It is what riastore serve shows: a list of datasets, and of each what it says of itself, its README, history and \
files. Whoever can read the pages can read all that; no content of keys is read, or put into them.',
    'DIR is a directory that is empty or has a catalogue; its pages work from anywhere, also as files. STORE puts them \
into a store, below catalog/: a public bucket is a portal then.',
    'What changed since is made again, and what is gone is removed. Datasets are taken as unchanged whose branches, \
archive and names are as they were.',
  ],
  positionals: [STORE, { name: 'place', describe: 'the directory, or the URL or name of a store' }],
  options: {
    access: {
      type: 'text',
      value: 'FILE',
      describe: 'only datasets that everybody may read by this file of riastore serve. Default: all datasets',
    },
    'serve-url': {
      type: 'text',
      value: 'URL',
      describe: 'a riastore serve of the store: links to files lead there, where nothing nearer has them',
      group: LINKS,
    },
    'public-url': {
      type: 'text',
      value: 'URL',
      describe:
        'where the files of the store can be read by everybody: links to keys that lie loose lead there. \
Default for a catalogue in the store itself: there',
      group: LINKS,
    },
    presign: {
      type: 'text',
      value: 'AGE',
      describe: 'S3: links to keys that lie loose, which work for so long without a login, up to 7d',
      group: LINKS,
    },
    'clone-url': {
      type: 'text',
      value: 'URL',
      describe: 'the ria+… URL of the store that the pages give for cloning. Default: what fits the others',
      group: LINKS,
    },
    rebuild: { type: 'flag', describe: 'make all pages again' },
  },
  conflicts: { presign: ['public-url'] },
  examples: [
    ['catalog ria+ssh://host/data/store /var/www/data'],
    ['catalog lab lab', 'the store that is called so, into itself: a public bucket, say'],
  ],
  exits: [4],
  json: ['dataset', 'summary'],
  changes: true,
} as const satisfies CommandSpec
