import type { CommandSpec } from '../command.ts'

export const THAW = {
  name: 'thaw',
  summary: 'Ask files back from cold storage, and wait until they are there',
  usage: '[options] [STORE] DATASET [PATH…]',
  description: [
    'Objects in archive classes of S3 (GLACIER, DEEP_ARCHIVE, and those into which INTELLIGENT_TIERING moves what nobody \
reads) have to be asked for hours before they are read, which costs money: -n tells for how much that would be. Of a key \
that is in an archive the whole archive is asked for. Elsewhere nothing is cold.',
    'With --wait it ends when all can be read, with 0; so a job that depends on it (sbatch --dependency=afterok) finds \
its files. It ends with 1 when a file is not in the store, or the time is over.',
    'STORE is a URL, a name or the path of a directory. DATASET is an id or a ~alias; without PATH all of its files are \
meant.',
  ],
  positionals: [{ name: 'words', many: true, describe: 'the store, a dataset of it, and paths in that' }],
  options: {
    wait: { type: 'flag', describe: 'end when they are there' },
    days: { type: 'text', value: 'N', byDefault: '7', describe: 'for so many days they can be read' },
    tier: {
      type: 'text',
      choices: ['Standard', 'Bulk', 'Expedited'],
      byDefault: 'Standard',
      describe: 'Bulk costs less and takes longer, Expedited takes minutes',
    },
    timeout: { type: 'text', value: 'TIME', byDefault: '3d', describe: 'with --wait: do not wait for longer' },
    every: {
      type: 'text',
      value: 'TIME',
      describe: 'with --wait: look so often. Default: after 10s at first, later after 5m',
    },
    at: {
      type: 'text',
      value: 'REF',
      describe: 'a branch, a tag, or the whole id of a commit. Default: what HEAD points to',
    },
  },
  examples: [
    ["thaw -n ria+s3+https://host/bucket/store '~mydata' sub-01", 'what would be asked for'],
    ["thaw --wait --tier Bulk ria+s3+https://host/bucket/store '~mydata'"],
  ],
  exits: [4],
  json: ['file', 'summary'],
  changes: true,
} as const satisfies CommandSpec
