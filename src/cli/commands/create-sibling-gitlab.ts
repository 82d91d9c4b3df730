import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { Dataset } from '../../setup/dataset.ts'
import { createGitLabSibling, type GitLabSibling, type GitLabSiblingOptions } from '../../setup/gitlab/create.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import type { CREATE_SIBLING_GITLAB } from '../table/create-sibling-gitlab.ts'

type Args = ArgsOf<typeof CREATE_SIBLING_GITLAB>

/** `riastore create-sibling-gitlab` */
export async function run(console: Console, args: Args): Promise<number> {
  const { signal } = console
  const options = optionsOf(args)
  const dataset = await Dataset.open(args.dataset ?? '.', { signal })
  const tell = (line: string) => (console.json ? console.note(line) : console.print(`  ${printable(line)}`))
  const report = (sibling: GitLabSibling) => {
    const action = 'create-sibling-gitlab'
    const names = { dataset: sibling.id, aliases: [] }
    console.show({ type: 'sibling', action, dryRun: args.dryRun === true, ...names, ...sibling }, () =>
      printable(lineOf(args, sibling)),
    )
  }
  await createGitLabSibling(dataset, options, { signal, tell, report })
  return EXIT.done
}

function lineOf({ dryRun = false }: Args, { path, project, status, webUrl }: GitLabSibling): string {
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
