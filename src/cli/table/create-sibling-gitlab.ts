import type { CommandSpec } from '../command.ts'
import { EXISTING } from './create-sibling.ts'

export const CREATE_SIBLING_GITLAB = {
  name: 'create-sibling-gitlab',
  summary: 'Set up a sibling of a dataset in GitLab',
  usage: '--gitlab URL [options] PROJECT',
  description: [
    'That is a project, found or made, and a git remote that leads there.',
    'PROJECT is its full path, group/…/project. With --layout or --recursive, "collection" puts the dataset into \
PROJECT/project and a subdataset sub/ds into PROJECT/sub-ds; "flat" into PROJECT and PROJECT-sub-ds.',
    'The dataset’s id is noted in the project’s description. A project of another dataset, or of none that can be \
told, is not touched.',
    'The access token comes from GITLAB_TOKEN, from git’s credential helpers, or from python-gitlab’s configuration \
file. It needs the scope api.',
  ],
  positionals: [{ name: 'project', describe: 'path of the project' }],
  options: {
    gitlab: { type: 'text', value: 'URL', describe: 'URL of GitLab' },
    name: { type: 'text', short: 's', value: 'NAME', byDefault: 'gitlab', describe: 'of the sibling' },
    dataset: { type: 'text', short: 'd', value: 'PATH', describe: 'its directory (default: this one)' },
    recursive: { type: 'flag', short: 'r', describe: 'also for all subdatasets that are there' },
    layout: { type: 'text', choices: ['collection', 'flat'], describe: 'where projects lie (with -r: collection)' },
    access: {
      type: 'text',
      choices: ['https', 'ssh', 'ssh+https', 'http', 'ssh+http'],
      describe: 'how git talks to GitLab (default: https)',
    },
    visibility: {
      type: 'text',
      choices: ['private', 'internal', 'public'],
      describe: 'of a new project (default: private)',
    },
    description: { type: 'text', value: 'TEXT', describe: 'of a new project' },
    topic: { type: 'list', value: 'TOPIC', describe: 'of a new project' },
    'default-branch': { type: 'text', value: 'BRANCH', describe: 'with --existing reconfigure, after the first push' },
    'publish-depends': { type: 'list', value: 'SIBLING', describe: 'sibling that datalad push serves first' },
    existing: {
      type: 'text',
      choices: EXISTING,
      describe: 'what to do about a sibling that exists (default: error, unless it is as asked for)',
    },
    'create-groups': { type: 'flag', byDefault: true, describe: 'make no missing subgroups' },
    'allow-http': { type: 'flag', describe: 'send the token unencrypted to an http:// address' },
  },
  examples: [
    ['create-sibling-gitlab --gitlab gitlab.example.org lab/data/eeg'],
    ['create-sibling-gitlab --gitlab gitlab.example.org -r lab/eeg'],
  ],
  exits: [4],
  json: ['sibling'],
  changes: true,
} as const satisfies CommandSpec
