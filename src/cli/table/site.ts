import { optionFlag } from '../../setup/site/option-flag.ts'
import { SITE_OPTION_NAMES, SITE_OPTIONS } from '../../setup/site/options.ts'
import type { CommandSpec, OptionTable } from '../command.ts'
import { EXISTING } from './create-sibling.ts'
import { SCOPE } from './shared.ts'

const NAME = {
  name: 'name',
  describe: 'name of the site',
  required: 'which site? Give its name: riastore site ls tells them',
} as const

/** An option for each option of a site: `gitlabGroup` is `--gitlab-group`. */
export const SITE_VALUES: OptionTable = Object.fromEntries(
  SITE_OPTION_NAMES.map((name) => [
    optionFlag(name).slice(2),
    { type: 'text', describe: SITE_OPTIONS[name].help, group: 'What a site has' } as const,
  ]),
)

export const SITE_ADD = {
  name: 'site add',
  formerly: ['site set'],
  summary: 'Make a site, or change one: then datalad create -c NAME works',
  usage: 'NAME --store URL [--gitlab URL --gitlab-group PATH]',
  description: [
    "It is written into git's configuration, and a procedure cfg_NAME is put where DataLad looks for them. What is \
not given stays as it is; an empty value removes one. Nothing is connected to: riastore site check does that.",
  ],
  positionals: [NAME],
  options: { ...SITE_VALUES, ...SCOPE },
  examples: [
    ['site add lab --system --store ria+ssh://host/data/store'],
    ['site add lab --gitlab gitlab.example.org --gitlab-group lab/data'],
  ],
  json: ['site'],
  changes: true,
} as const satisfies CommandSpec

export const SITE_LS = {
  name: 'site ls',
  formerly: ['site list'],
  summary: 'List the sites',
  usage: '[options]',
  description: [],
  positionals: [],
  options: {},
  examples: [],
  json: ['site'],
} as const satisfies CommandSpec

export const SITE_SHOW = {
  name: 'site show',
  summary: 'Show all of a site, and where each setting comes from',
  usage: '[options] NAME',
  description: [],
  positionals: [NAME],
  options: {},
  examples: [],
  json: ['site'],
} as const satisfies CommandSpec

export const SITE_RM = {
  name: 'site rm',
  formerly: ['site remove'],
  summary: 'Remove a site and its procedure',
  usage: '[options] NAME',
  description: ['Datasets that were made with it, the store and GitLab stay as they are.'],
  positionals: [NAME],
  options: SCOPE,
  examples: [['site rm lab']],
  json: ['site'],
  changes: true,
  deletes: true,
} as const satisfies CommandSpec

export const SITE_CHECK = {
  name: 'site check',
  summary: 'Check that a site works here: programs, procedure, store, GitLab',
  usage: '[options] NAME',
  description: [
    'The store is used as riastore doctor does it; nothing stays there. GitLab is only asked. The exit code is 3 when \
something does not work.',
  ],
  positionals: [NAME],
  options: {},
  examples: [['site check lab']],
  exits: [3],
  json: ['finding', 'summary'],
} as const satisfies CommandSpec

export const PROCEDURE = {
  name: 'procedure',
  summary: 'Give a dataset what its site has for it: store, GitLab project, publication dependencies',
  usage: '[options] SITE DATASET',
  description: [
    'This is what datalad create -c SITE and datalad run-procedure cfg_SITE run. Each option counts instead of what \
the site has. When something failed, run it again: what is done is not done twice.',
  ],
  positionals: [
    { ...NAME, name: 'site' },
    { name: 'dataset', describe: 'directory of the dataset', required: 'which dataset? Give its directory' },
  ],
  options: {
    ...SITE_VALUES,
    existing: {
      type: 'text',
      choices: EXISTING,
      describe: 'what to do with siblings, or a dataset in the store, that are not what the site has. Default: error',
    },
  },
  examples: [['procedure lab . --project-name other-name']],
  exits: [4],
  json: ['procedure'],
  changes: true,
} as const satisfies CommandSpec
