import type { CommandSpec } from '../command.ts'

export const URL_TO_KEY = {
  name: 'url',
  summary: 'Print a link to a key that a browser can open',
  usage: '[options] [STORE] [DATASET] KEY',
  description: [
    'STORE is the URL of a store in S3 (ria+s3+http(s)://). DATASET is an id or a ~alias; it can be a part of STORE, \
as #<id>. In a clone of a dataset in S3 both may be left out. KEY is a key of git-annex, or the path of an annexed file.',
    'Whoever has the link can download the key until it expires: treat it like a password. A link that was signed \
with credentials of a session ends with them. A key in an archive has no link.',
  ],
  positionals: [{ name: 'words', many: true, describe: 'the store, the dataset, and the key or file' }],
  options: {
    expires: {
      type: 'text',
      value: 'AGE',
      byDefault: '1h',
      describe: 'how long the link works, up to 7d: 30m, 12h, 2d',
    },
  },
  examples: [
    ["url ria+s3+https://s3.example.org/bucket/store '~raw' sub-01/t1.nii"],
    ['url sub-01/t1.nii', 'in a clone'],
  ],
  exits: [4],
  json: ['link'],
} as const satisfies CommandSpec
