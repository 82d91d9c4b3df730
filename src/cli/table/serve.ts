import type { CommandSpec } from '../command.ts'

export const SERVE = {
  name: 'serve',
  summary: 'Serve a store over HTTP, for reading',
  usage: '[options] [STORE]',
  description: [
    'DataLad and git-annex clone and get from it as from a store on a web server: ria+http://localhost:8080/#<id>. \
Each key lies loose there, also those of archives, and git repositories can be cloned, whoever keeps them.',
    'A browser, and every program that reads URLs, gets files by their paths: /d/<id or alias>/<branch>/<path>, whole \
or in parts. A directory is a page, and with ?format=json an object of JSON a line. A branch with a slash has %2F.',
    'It answers to this computer alone, until --listen names another address and --public says that everybody who \
reaches it may read the whole store. Ctrl-C ends it.',
  ],
  positionals: [{ name: 'store', describe: 'the URL, name or directory of the store' }],
  options: {
    listen: {
      type: 'text',
      value: 'ADDRESS:PORT',
      byDefault: '127.0.0.1:8080',
      describe: 'where to wait for requests; port 0 takes any that is free',
    },
    public: { type: 'flag', describe: 'whoever reaches the address may read everything in the store' },
  },
  examples: [
    ['serve ria+ssh://host/data/store'],
    ['serve --listen [::]:8080 --public /data/store', 'for everybody on the network'],
  ],
  exits: [4],
  json: ['access', 'server'],
} as const satisfies CommandSpec
