import type { CommandSpec } from '../command.ts'

export const STAT = {
  name: 'stat',
  summary: 'Tell what datasets take up in a store, and which of them grow',
  usage: '[options] [STORE] [DATASET…]',
  description: [
    'All datasets, if none is named. Keys and bytes, loose and archived, and what archives save; keys that several of \
the datasets have; files and inodes (objects in S3) of keys and of git; what unfinished uploads take up, and what is \
left of old ones; the trash, and what is free. Everything is listed for that.',
    'What was counted of a whole store is kept on this machine, in ~/.cache/riastore, and told again, with its age, \
until it is older than --max-age. No other command believes it.',
    '--history adds to a file what changed since its last run, and tells which datasets grow fastest; --plot draws it.',
  ],
  positionals: [{ name: 'words', many: true, describe: 'the store, and datasets of it' }],
  options: {
    top: { type: 'text', value: 'N', byDefault: '10', describe: 'only the N largest datasets, 0 for none, one by one' },
    unused: { type: 'flag', describe: 'count keys that no ref names, too: what all refs have is read' },
    'max-age': {
      type: 'text',
      value: 'AGE',
      byDefault: '1h',
      describe: 'tell what was counted by an earlier run, if that is no older',
    },
    refresh: { type: 'flag', describe: 'count anew in any case' },
    history: { type: 'text', value: 'FILE', describe: 'add lines of JSON to this file, and tell what grew' },
    since: {
      type: 'text',
      value: 'AGE',
      describe: 'compare with the last run in the history that is so old, else with the first. Default: the last one',
    },
    plot: { type: 'text', value: 'FILE.svg', describe: 'with --history: draw how the store grew' },
    prometheus: { type: 'flag', describe: 'print what the textfile collector of Prometheus reads' },
    report: { type: 'flag', describe: 'print a page for a mail, with what can be done' },
  },
  conflicts: { refresh: ['max-age'], report: ['prometheus'] },
  examples: [
    ['stat ria+ssh://host/data/store'],
    ['stat --report --history ~/store.jsonl --since 30d /data/store', 'a monthly mail'],
    ['stat --history ~/store.jsonl --plot growth.svg /data/store'],
  ],
  exits: [4],
  json: ['dataset', 'summary'],
  splits: true,
  resumes: true,
} as const satisfies CommandSpec
