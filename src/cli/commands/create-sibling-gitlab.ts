import type { Argv, CommandModule } from 'yargs'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { Dataset } from '../../setup/dataset.ts'
import {
  createGitLabSibling,
  type GitLabSibling,
  type GitLabSiblingOptions,
  VISIBILITIES,
} from '../../setup/gitlab/create.ts'
import { type GitLabLayout, LAYOUTS } from '../../setup/gitlab/project-layout.ts'
import { ACCESSES, type Access } from '../../setup/gitlab/remote.ts'
import type { Console } from '../console.ts'
import { stopped } from '../store-command.ts'

const SUMMARY = 'Set up a sibling of a dataset in GitLab'

const USAGE = `$0 create-sibling-gitlab --gitlab <URL> <project>

${SUMMARY}: a project, found or made, and a git remote that leads there.

PROJECT is its full path, group/…/project. With --layout or --recursive, "collection" puts the \
dataset into PROJECT/project and a subdataset sub/ds into PROJECT/sub-ds; "flat" into PROJECT and \
PROJECT-sub-ds.

The dataset's id is noted in the project's description. A project of another dataset, or of none that can be told, is not touched.

The access token comes from GITLAB_TOKEN, from git's credential helpers, or from python-gitlab's configuration file. It needs the scope api.`

interface Args {
  project?: string
  gitlab?: string
  name: string
  dataset?: string
  recursive?: boolean
  layout?: GitLabLayout
  access?: Access
  visibility?: NonNullable<GitLabSiblingOptions['visibility']>
  description?: string
  topic?: string[]
  defaultBranch?: string
  publishDepends?: string[]
  existing?: 'skip' | 'error' | 'reconfigure'
  createGroups?: boolean
  allowHttp?: boolean
  dryRun?: boolean
  json?: boolean
}

export function createSiblingGitLabCommand(
  console: Console,
  finished: (code: number) => void,
): CommandModule<object, Args> {
  return {
    command: 'create-sibling-gitlab [project]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('project', { type: 'string', describe: 'path of the project' })
        .options({
          gitlab: { type: 'string', requiresArg: true, describe: 'URL of GitLab' },
          name: { alias: 's', type: 'string', default: 'gitlab', requiresArg: true, describe: 'of the sibling' },
          dataset: { alias: 'd', type: 'string', requiresArg: true, describe: 'its directory (default: this one)' },
          recursive: { alias: 'r', type: 'boolean', describe: 'also for all subdatasets that are there' },
          layout: { choices: LAYOUTS, requiresArg: true, describe: 'where projects lie (with -r: collection)' },
          access: { choices: ACCESSES, requiresArg: true, describe: 'how git talks to GitLab (default: https)' },
          visibility: {
            choices: VISIBILITIES,
            requiresArg: true,
            describe: 'of a new project (default: private)',
          },
          description: { type: 'string', requiresArg: true, describe: 'of a new project' },
          topic: { type: 'string', array: true, nargs: 1, describe: 'of a new project; may be repeated' },
          'default-branch': {
            type: 'string',
            requiresArg: true,
            describe: 'with --existing reconfigure, after the first push',
          },
          'publish-depends': {
            type: 'string',
            array: true,
            nargs: 1,
            describe: 'sibling that datalad push serves first; may be repeated',
          },
          existing: {
            choices: ['skip', 'error', 'reconfigure'] as const,
            requiresArg: true,
            describe: 'what to do about a sibling that exists (default: error, unless it is as asked for)',
          },
          'create-groups': { type: 'boolean', default: true, describe: 'make missing subgroups' },
          'allow-http': { type: 'boolean', describe: 'send the token unencrypted to an http:// address' },
          'dry-run': { type: 'boolean', describe: 'tell what would be done, and change nothing' },
          json: { type: 'boolean', describe: 'print JSON: one line for each dataset' },
        })
        .example('$0 create-sibling-gitlab --gitlab https://gitlab.example.org lab/data/eeg', '')
        .example('$0 create-sibling-gitlab --gitlab gitlab.example.org -r lab/eeg', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const { signal } = console
  const options = optionsOf(args)
  const dataset = await Dataset.open(args.dataset ?? '.', { signal })
  const tell = (line: string) => (args.json ? console.note(line) : console.print(`  ${printable(line)}`))
  const report = (sibling: GitLabSibling) => console.print(printable(lineOf(args, sibling)))
  await createGitLabSibling(dataset, options, { signal, tell, report })
  return 0
}

function lineOf({ json, dryRun = false }: Args, sibling: GitLabSibling): string {
  const { path, project, status, webUrl } = sibling
  if (json) return JSON.stringify({ action: 'create-sibling-gitlab', dryRun, ...sibling })
  if (status === 'skipped') return `${path}: nothing was done`
  return `${path}: ${dryRun ? 'would be set up' : 'set up'} in ${webUrl ?? project}`
}

function optionsOf(args: Args): GitLabSiblingOptions {
  const { gitlab, project, name, recursive, layout, access, visibility, description, topic, defaultBranch } = args
  const { publishDepends, existing, createGroups, allowHttp, dryRun } = args
  if (!project) throw new ConfigError('which project? Give its full path, group/…/project')
  if (!gitlab) throw new ConfigError('which GitLab? Give its URL: --gitlab https://gitlab.example.org')
  return {
    gitlab,
    project,
    name,
    recursive,
    layout,
    access,
    visibility,
    description,
    topics: topic,
    defaultBranch,
    publishDepends,
    existing,
    createGroups,
    allowHttp,
    dryRun,
  }
}
