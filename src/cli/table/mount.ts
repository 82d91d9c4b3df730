import type { CommandSpec } from '../command.ts'

export const MOUNT = {
  name: 'mount',
  summary: 'Mount a dataset of a store as a folder',
  usage: '[options] STORE DATASET[@REF] DIR',
  description: [
    'Every file of the dataset is there, annexed or in git, as a plain file. What is read of it comes from the store \
when it is read first, and is kept in a cache that all mounts of yours share. Nothing is cloned, and nothing can be \
changed.',
    'With --stage the folder can be written to. It is the work tree of a clone of the dataset at WORKDIR, which is made if \
there is none; what is changed lies there, and riastore commit WORKDIR brings it into the store. REF is a branch then.',
    'It shows the commit that REF, a branch or tag, names when it is mounted; without it that of HEAD. DIR is an empty \
directory. With --all, DIR has a folder for each dataset, by its id and its aliases.',
    'What was read to its last byte has been held against the checksum of its key: the read that brings the last part \
of a damaged one fails, with an input/output error. Of parts alone only the length is checked.',
    'Ctrl-C, or fusermount3 -u DIR, ends it. It needs fuse3 and Python 3.',
  ],
  positionals: [{ name: 'words', many: true, describe: 'STORE, DATASET and DIR' }],
  options: {
    all: { type: 'flag', describe: 'all datasets of the store' },
    daemon: { type: 'flag', describe: 'go on in the background, once the folder can be used' },
    log: { type: 'text', value: 'FILE', describe: 'with --daemon: add to this file what goes wrong' },
    into: {
      type: 'text',
      value: 'CLONE',
      describe: 'at the end give this clone of the dataset what was read whole, as content of its own',
    },
    stage: {
      type: 'text',
      value: 'WORKDIR',
      describe: 'make it writable: changes go to a clone of the dataset there, which is made if need be',
    },
    cache: {
      type: 'text',
      value: 'DIR',
      describe: 'where what was read is kept. Default: mount in ~/.cache/riastore',
    },
    'cache-size': { type: 'text', value: 'SIZE', byDefault: '10G', describe: 'keep about so much' },
  },
  examples: [
    ["mount ria+ssh://host/data/store '~mydata' ~/mydata"],
    ["mount --daemon ria+ssh://host/data/store '~mydata@v1.0' ~/v1"],
    ['mount --all /data/store ~/store'],
    ["mount --stage ~/work ria+ssh://host/data/store '~mydata' ~/mydata"],
  ],
  conflicts: { into: ['all', 'stage'], stage: ['all'] },
  exits: [4],
  json: ['mount'],
} as const satisfies CommandSpec
