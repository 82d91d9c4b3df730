import type { CommandSpec, OptionTable } from '../command.ts'
import { STORE } from './shared.ts'

const WHO = 'Who may read'
const LIMITS = 'What one client may have'
const LINKS = 'Where links lead'

const ACCESS = {
  type: 'text',
  value: 'FILE',
  describe: 'the file that says who may read what; without it whoever can connect may read all',
  group: WHO,
} as const

export const SERVE = {
  name: 'serve',
  summary: 'Serve a store over HTTP, for reading',
  usage: '[options] [STORE]',
  description: [
    'DataLad and git-annex clone and get from it as from a store on a web server: ria+http://localhost:8080/#<id>. \
Each key lies loose there, also those of archives, and git repositories can be cloned, whoever keeps them.',
    'A browser, and every program that reads URLs, gets files by their paths: /d/<id or alias>/<branch>/<path>, whole \
or in parts. A directory is a page, and with ?format=json an object of JSON a line. A branch with a slash has %2F.',
    'It answers to this computer alone, until --listen names another address, and either --access says who may read \
what, or --public that everybody who reaches it may read the whole store. Ctrl-C ends it.',
  ],
  positionals: [{ name: 'store', describe: 'the URL, name or directory of the store' }],
  options: {
    listen: {
      type: 'text',
      value: 'ADDRESS:PORT',
      byDefault: '127.0.0.1:8080',
      describe: 'where to wait for requests; port 0 takes any that is free',
    },
    host: {
      type: 'list',
      value: 'NAME',
      describe: 'a name by which clients, or a proxy in front, call this server; may be repeated',
    },
    public: { type: 'flag', describe: 'whoever reaches the address may read everything in the store', group: WHO },
    access: ACCESS,
    proxy: {
      type: 'list',
      value: 'ADDRESS',
      describe: 'a proxy in front, 127.0.0.1 or 10.0.0.0/8, that says who asks; may be repeated',
      group: WHO,
    },
    'identity-header': {
      type: 'text',
      value: 'NAME',
      byDefault: 'X-Remote-User',
      describe: 'the header in which it says so; from anybody else it is not heeded',
      group: WHO,
    },
    'max-requests': { type: 'text', value: 'N', describe: 'requests in a minute', group: LIMITS },
    'max-connections': { type: 'text', value: 'N', describe: 'requests at once', group: LIMITS },
    'max-rate': { type: 'text', value: 'BYTES', describe: 'bytes in a second: 500k, 20M', group: LIMITS },
  },
  conflicts: { public: ['access'] },
  examples: [
    ['serve ria+ssh://host/data/store'],
    ['serve --listen [::]:8080 --public /data/store', 'for everybody on the network'],
    ['serve --access access.json --host data.example.org /data/store'],
  ],
  exits: [4],
  json: ['access', 'server'],
} as const satisfies CommandSpec

const TOKEN_OPTIONS = {
  access: { ...ACCESS, required: 'in which file? Say --access FILE, as to riastore serve' },
  dataset: {
    type: 'list',
    value: 'DATASET',
    describe: 'of make: what it lets read, an id or ~alias; may be repeated. Default: all datasets',
  },
  expires: {
    type: 'text',
    value: 'AGE',
    describe: 'of make: good for so long, 30d or 12h; or never',
    byDefault: '90d',
  },
} as const satisfies OptionTable

export const SERVE_TOKEN = {
  name: 'serve token',
  summary: 'Make, list and revoke tokens for riastore serve',
  usage: 'make|ls|rm --access FILE [options] [NAME]',
  description: [
    'A token lets whoever has it read datasets: as the password, of any user, that git, git-annex and WebDAV clients \
send, or as Authorization: Bearer. It is shown once, by make; the file has a hash of it. A server that runs heeds what \
is changed here within a second.',
  ],
  positionals: [
    {
      name: 'action',
      describe: 'make one, list them, or revoke one',
      choices: ['make', 'ls', 'rm'],
      required: 'what about tokens? make, ls or rm',
    },
    { name: 'name', describe: 'what it is called: for whom it is, say' },
  ],
  options: TOKEN_OPTIONS,
  examples: [
    ['serve token make --access access.json --dataset ~scans alice'],
    ['serve token rm --access access.json alice'],
  ],
  json: ['token'],
  changes: true,
} as const satisfies CommandSpec

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
