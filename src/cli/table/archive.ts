import type { CommandSpec } from '../command.ts'
import { CAREFUL, DATASETS, SELECT, STORE } from './shared.ts'

export const ARCHIVE = {
  name: 'archive',
  summary: 'Pack the loose keys of datasets into their archives',
  usage: '[options] STORE [DATASET…]',
  description: [
    'STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+dav(s)://, ria+s3+http(s)://; to look only, \
ria+http(s)://) or the path of a directory. Each DATASET is an id or a ~alias.',
    'Every key is read back from the new archive and checked before its loose copy is removed. Keys can be read, \
stored and dropped meanwhile. If the command is interrupted, nothing is lost: run it again and it finishes.',
    'Where there is no room for a second archive, on a disk or over ssh, dropped keys give their space back in place: \
the file system makes holes of them.',
    'Over ssh, 7z runs on the server if it is installed there; otherwise, and on S3, the keys pass through this \
machine.',
  ],
  positionals: [STORE, DATASETS],
  options: {
    ...SELECT,
    list: { type: 'flag', describe: 'list what is in the archive; change nothing' },
    verify: { type: 'flag', describe: 'read and check what is in the archive; change nothing' },
    'in-place': {
      type: 'flag',
      describe: 'pack nothing; give back what dropped keys take up, without room for a second archive',
    },
    level: { type: 'text', value: 'LEVEL', byDefault: '0', describe: 'compression: 0 (none, reads fastest) to 9' },
    'older-than': { type: 'text', value: 'AGE', describe: 'only keys stored this long ago: 30d, 12h' },
    'max-size': { type: 'text', value: 'SIZE', describe: 'only keys up to this size: 10M, 2G' },
    'min-keys': { type: 'text', value: 'N', describe: 'pack nothing if fewer keys are to be packed' },
    ...CAREFUL,
  },
  conflicts: {
    'in-place': ['list', 'verify', 'level', 'older-than', 'min-keys', 'max-size'],
    list: ['verify', 'dry-run', 'break-lock', 'older-than', 'min-keys', 'max-size'],
    verify: ['dry-run', 'break-lock', 'older-than', 'min-keys', 'max-size'],
  },
  examples: [['archive --older-than 30d ria+ssh://host/store --all'], ["archive --verify /data/store '~raw'"]],
  exits: [3, 4, 5],
  json: ['dataset', 'finding', 'key', 'progress', 'summary'],
  changes: true,
  moves: true,
  splits: true,
  resumes: true,
} as const satisfies CommandSpec
