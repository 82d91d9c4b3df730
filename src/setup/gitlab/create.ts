import type { GitLabClient } from '../../gitlab/client.ts'
import { connectGitLab } from '../../gitlab/connect.ts'
import { type EnsuredProject, ensureProject, type ProjectWish, planProject } from '../../gitlab/ensure-project.ts'
import type { Visibility } from '../../gitlab/shapes.ts'
import type { Dataset } from '../dataset.ts'
import { requireDifferentIds } from '../dataset-ids.ts'
import { type GitLabLayout, type PlacedDataset, placeDatasets } from './project-layout.ts'
import { type Access, checkRemote, configureRemote, type RemoteUrls, urlsFor } from './remote.ts'

export { VISIBILITIES } from '../../gitlab/shapes.ts'

export interface GitLabSiblingOptions {
  /** URL of GitLab. */
  readonly gitlab: string
  /**
   * The URL was taken from a dataset, not from the user or the administrator: GITLAB_TOKEN is not
   * sent there. Default false.
   */
  readonly isUrlFromDataset?: boolean | undefined
  /** The token may go over plain http to another machine. Default false. */
  readonly allowHttp?: boolean | undefined
  /** Full path of the project, `group/…/project`; with a layout see GitLabLayout. */
  readonly project: string
  /** Name of the git remote. Default `gitlab`. */
  readonly name?: string | undefined
  /** Subdatasets get a sibling too. */
  readonly recursive?: boolean | undefined
  /** Default: the project path as it is, and `collection` with `recursive`. */
  readonly layout?: GitLabLayout | undefined
  /** How git talks to GitLab. Default https. */
  readonly access?: Access | undefined
  /** Of a new project. Default private. */
  readonly visibility?: Visibility | undefined
  readonly description?: string | undefined
  readonly topics?: readonly string[] | undefined
  /**
   * Set for a project with commits, with `existing: 'reconfigure'`. In an empty one the first push
   * decides.
   */
  readonly defaultBranch?: string | undefined
  /** Remotes that `datalad push` serves before this one. */
  readonly publishDepends?: readonly string[] | undefined
  /**
   * What to do where a remote has the name already. `error` (default): nothing, unless it is the
   * one that would be made, which is completed. `skip`: leave it alone. `reconfigure`: point it to
   * the project, bring an own project up to date, and take an empty project that nobody has marked.
   */
  readonly existing?: 'skip' | 'error' | 'reconfigure' | undefined
  /** Missing subgroups are made. Default true. */
  readonly createGroups?: boolean | undefined
  /** Only looks. */
  readonly dryRun?: boolean | undefined
  /** Where tokens are looked for. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv | undefined
}

export interface GitLabSiblingCall {
  readonly signal?: AbortSignal | undefined
  /** Takes a plain line about each thing that was done, and about waiting. */
  readonly tell?: ((line: string) => void) | undefined
  /**
   * Takes what became of each dataset, as soon as that is known: also of those before one that
   * failed.
   */
  readonly report?: ((sibling: GitLabSibling) => void) | undefined
}

/** What became of one dataset. */
export interface GitLabSibling {
  /** Its work tree. */
  readonly path: string
  readonly id: string
  readonly sibling: string
  /** Full path of its project. */
  readonly project: string
  /**
   * `made`: the project is new (with `dryRun`: would be). `found`: it was there. `skipped`: the
   * remote was left alone.
   */
  readonly status: 'made' | 'found' | 'skipped'
  readonly madeGroups: readonly string[]
  /** What was changed of a project that was there. */
  readonly changed: readonly string[]
  /** Page of the project; undefined where it is not there, or was not looked at. */
  readonly webUrl: string | undefined
  readonly url: string | undefined
  readonly pushUrl: string | undefined
}

export interface GitLabSiblingResult {
  /** The dataset, then its subdatasets. */
  readonly siblings: readonly GitLabSibling[]
}

/**
 * Gives a dataset a project in GitLab, found or made, and a git remote that leads there. The same
 * call again changes nothing, and finishes what one that died began. Everything that can be checked
 * is checked for all datasets before the first thing is made. Throws ConfigError, GitLabError,
 * ProgramError.
 */
export async function createGitLabSibling(
  dataset: Dataset,
  options: GitLabSiblingOptions,
  call: GitLabSiblingCall = {},
): Promise<GitLabSiblingResult> {
  const { name = 'gitlab', recursive = false, existing = 'error', publishDepends = [] } = options
  const layout = options.layout ?? (recursive ? 'collection' : undefined)
  const datasets = recursive ? await datasetsBelow(dataset, call) : [dataset]
  const placed = placeDatasets(dataset, datasets, options.project, layout)
  const skipped = new Set<PlacedDataset>()
  for (const each of placed) {
    const state = await checkRemote(each.dataset, each.project, { name, existing, publishDepends })
    if (state === 'skip') skipped.add(each)
  }
  const siblings: GitLabSibling[] = []
  const report = (sibling: GitLabSibling) => {
    siblings.push(sibling)
    call.report?.(sibling)
  }
  let client: GitLabClient | undefined
  for (const each of placed) {
    if (skipped.has(each)) {
      call.tell?.(`${each.dataset.path}: has a sibling ${name} already, which was left alone`)
      report({ ...nothing(each, name), status: 'skipped' })
      continue
    }
    client ??= await connect(dataset, options, call)
    report(options.dryRun ? await plan(client, each, options, call) : await make(client, each, options, call))
  }
  return { siblings }
}

async function connect(
  dataset: Dataset,
  options: GitLabSiblingOptions,
  call: GitLabSiblingCall,
): Promise<GitLabClient> {
  const { gitlab: url, allowHttp, isUrlFromDataset, env = process.env } = options
  const connection = await connectGitLab({
    url,
    allowHttp,
    isUrlFromDataset,
    env,
    cwd: dataset.path,
    signal: call.signal,
    tell: call.tell,
  })
  const { client, user, source } = connection
  call.tell?.(`${client.address.url}: as ${user.username}, with the token from ${source}`)
  return client
}

async function make(
  client: GitLabClient,
  placed: PlacedDataset,
  options: GitLabSiblingOptions,
  { tell }: GitLabSiblingCall,
): Promise<GitLabSibling> {
  const { name = 'gitlab', existing = 'error', publishDepends = [], access = 'https' } = options
  const ensured = await ensureProject(client, wishFor(placed, options))
  const { project, made, madeGroups, changed } = ensured
  tellProject(ensured, options, tell)
  const urls = urlsFor(project, access)
  tellUrls(client, urls, tell)
  await configureRemote(placed.dataset, { name, urls, existing, publishDepends })
  tell?.(`${placed.dataset.path}: sibling ${name} is ${urls.url}`)
  return {
    ...nothing(placed, name),
    project: project.fullPath,
    status: made ? 'made' : 'found',
    madeGroups,
    changed,
    webUrl: project.webUrl,
    ...urls,
  }
}

async function plan(
  client: GitLabClient,
  placed: PlacedDataset,
  options: GitLabSiblingOptions,
  { tell }: GitLabSiblingCall,
): Promise<GitLabSibling> {
  const { name = 'gitlab', access = 'https' } = options
  const { project, missingGroups } = await planProject(client, wishFor(placed, options))
  for (const group of missingGroups) tell?.(`would make the group ${group}`)
  tell?.(project === undefined ? `would make the project ${placed.project}` : `found the project ${project.webUrl}`)
  const urls = project && urlsFor(project, access)
  return {
    ...nothing(placed, name),
    status: project === undefined ? 'made' : 'found',
    madeGroups: missingGroups,
    webUrl: project?.webUrl,
    ...urls,
  }
}

function wishFor({ project: path, id }: PlacedDataset, options: GitLabSiblingOptions): ProjectWish {
  const { visibility, description, topics, defaultBranch, createGroups = true, existing } = options
  const reconfigures = existing === 'reconfigure'
  const wish = { path, datasetId: id, visibility, description, topics, createGroups, defaultBranch }
  return { ...wish, adoptEmpty: reconfigures, update: reconfigures }
}

function tellProject(
  { project, made, madeGroups, changed }: EnsuredProject,
  { defaultBranch }: GitLabSiblingOptions,
  tell: GitLabSiblingCall['tell'],
): void {
  for (const group of madeGroups) tell?.(`made the group ${group}`)
  tell?.(`${made ? 'made' : 'found'} the project ${project.webUrl}`)
  if (changed.length > 0) tell?.(`set its ${changed.join(', ')}`)
  if (defaultBranch !== undefined && project.isEmpty) {
    tell?.(`its default branch is what the first push brings; afterwards ${defaultBranch} can be set with reconfigure`)
  }
}

/** GitLab's own idea of its address is what git will use. */
function tellUrls({ address }: GitLabClient, { url }: RemoteUrls, tell: GitLabSiblingCall['tell']): void {
  if (!/^https?:/.test(url) || url.startsWith(`${address.url}/`)) return
  tell?.(`GitLab gives ${url} as the address for git, which does not lie below ${address.url}`)
}

/** A dataset of which nothing is known yet but its place. */
function nothing({ dataset, id, project }: PlacedDataset, sibling: string): GitLabSibling {
  return {
    path: dataset.path,
    id,
    sibling,
    project,
    status: 'found',
    madeGroups: [],
    changed: [],
    webUrl: undefined,
    url: undefined,
    pushUrl: undefined,
  }
}

/** It, and what is below it and a dataset. */
async function datasetsBelow(top: Dataset, { tell }: GitLabSiblingCall): Promise<Dataset[]> {
  const found: Dataset[] = []
  for await (const dataset of top.withSubdatasets(tell)) {
    if (dataset === top || dataset.id !== undefined) found.push(dataset)
    else tell?.(`${dataset.path}: skipped: it is no dataset of DataLad, it has no id`)
  }
  requireDifferentIds(found)
  return found
}
