import type { CommandSpec } from '../command.ts'

export const COMMIT = {
  name: 'commit',
  summary: 'Commit what was changed in a clone, and bring it into its store as one',
  usage: '[options] [CLONE]',
  description: [
    'What was changed in CLONE (default: the clone that you are in) becomes one commit. Its keys go into the store \
first; when all are safe there, the branch and git-annex’s records of them follow, both at once. Until then nobody \
sees anything of it. What was committed before and not pushed goes with it.',
    'Who pushed to the branch meanwhile is not overwritten: one commit is put on top of theirs, several are merged. \
Where both have changed the same file it is named, and nothing is pushed. As many may do this at once as like, each in \
a clone of its own.',
    'When it fails or is killed, the same command goes on. It needs git 2.38.',
  ],
  positionals: [{ name: 'clone', describe: 'a clone of the dataset' }],
  options: {
    message: { type: 'text', short: 'm', value: 'TEXT', describe: 'of the commit. Default: how many files it has' },
    to: { type: 'text', value: 'REMOTE', describe: 'put keys into this remote. Default: the storage sibling' },
    remote: {
      type: 'text',
      value: 'REMOTE',
      describe: 'push to this git remote. Default: that of the branch, or origin',
    },
  },
  examples: [["commit -m 'Preprocess sub-01'"], ['commit ~/work/mydata']],
  exits: [4],
  json: ['commit', 'failure', 'key', 'progress'],
  changes: true,
  moves: true,
} as const satisfies CommandSpec
