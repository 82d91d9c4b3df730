import type { CommandSpec } from '../command.ts'
import { SELECTION } from './shared.ts'

const PATHS = { name: 'path', many: true, describe: 'files and directories' } as const

const MATCHING = "git-annex's matching options (--include, --in, --metadata and so on) choose among it."

export const GET = {
  name: 'get',
  summary: 'Get the content of many files into a clone at once',
  usage: '[options] [PATH…]',
  description: [
    'It does what git annex get does, but at the speed of the disk or the line.',
    `Without PATH, everything below the current directory is got. ${MATCHING} Each key is checked against its checksum \
while it comes. What only git-annex can get, it is asked for.`,
  ],
  positionals: [PATHS],
  options: {
    from: { type: 'text', value: 'REMOTE', describe: 'get from this remote only' },
    ...SELECTION,
  },
  examples: [['get', 'all that is below this directory'], ["get --include='*.nii.gz' sub-01"]],
  exits: [4],
  json: ['failure', 'key', 'progress', 'summary'],
  changes: true,
  moves: true,
  matching: true,
} as const satisfies CommandSpec

export const PUT = {
  name: 'put',
  summary: 'Put the content of many files into a store at once',
  usage: '[options] [PATH…]',
  description: [
    'It does what git annex copy --to does, but at the speed of the disk or the line.',
    `Without PATH, everything below the current directory is put. ${MATCHING} Each key is checked against its checksum \
while it is read. With --archive, small keys go straight into the dataset's archive. What only git-annex can copy, it \
is asked for.`,
  ],
  positionals: [PATHS],
  options: {
    to: {
      type: 'text',
      value: 'REMOTE',
      describe: 'put into this remote. Default: the storage sibling, if there is one',
    },
    ...SELECTION,
    archive: { type: 'flag', describe: 'put small keys straight into the archive' },
    'archive-below': { type: 'text', value: 'SIZE', describe: 'with --archive, up to which size. Default: 1M' },
  },
  examples: [['put --to store-storage', 'all that is below this directory'], ['put --archive --archive-below 100k']],
  exits: [4, 5],
  json: ['failure', 'key', 'progress', 'summary'],
  changes: true,
  moves: true,
  matching: true,
} as const satisfies CommandSpec
