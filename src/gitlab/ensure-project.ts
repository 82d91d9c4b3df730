import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../core/errors.ts'
import { changeProject, createProject, getProject, type Made, type ProjectChanges } from './calls.ts'
import type { GitLabClient } from './client.ts'
import { withMark } from './dataset-mark.ts'
import { ensureNamespace, findNamespace, groupsNotToBeMade } from './ensure-group.ts'
import { isGitLabError } from './gitlab-error.ts'
import { parseProjectPath } from './names.ts'
import { isUnmarkedAndEmpty, refuseForeign, refuseUnusable } from './project-owner.ts'
import type { Project, Visibility } from './shapes.ts'

export interface ProjectWish {
  /** Full path, `group/…/project`. */
  readonly path: string
  readonly datasetId: string
  /** Of a new project. Default private. */
  readonly visibility?: Visibility | undefined
  /** For people. The line with the dataset's id follows it. */
  readonly description?: string | undefined
  readonly topics?: readonly string[] | undefined
  /** Missing subgroups are made. */
  readonly createGroups: boolean
  /** An empty project that no dataset has marked is taken. Default false. */
  readonly adoptEmpty?: boolean | undefined
  /**
   * A project that is ours gets the visibility, description, topics and default branch that are
   * given here. Default false.
   */
  readonly update?: boolean | undefined
  /**
   * Used with `update` only, and only for a project with commits: the first push to an empty one
   * decides.
   */
  readonly defaultBranch?: string | undefined
}

export interface EnsuredProject {
  readonly project: Project
  /** It was not there before. */
  readonly made: boolean
  /** What was changed of a project that was there. */
  readonly changed: readonly string[]
  /** Full paths of the groups that were made, the outermost first. */
  readonly madeGroups: readonly string[]
}

const DATASET_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The project of a dataset: found, or made. The dataset's id is a line of its description, which is
 * sent with the very request that makes the project: so a run that died left either nothing or a
 * project that is recognised. A project of another dataset, or of none that we can tell, is not
 * touched. Throws ConfigError before anything is sent, else GitLabError.
 */
export async function ensureProject(client: GitLabClient, wish: ProjectWish): Promise<EnsuredProject> {
  const segments = parseProjectPath(wish.path)
  if (!DATASET_ID.test(wish.datasetId)) throw new ConfigError(`${JSON.stringify(wish.datasetId)} is no id of a dataset`)
  const found = await getProject(client, wish.path)
  if (found !== undefined) return settle(client, wish, found, [])
  const namespace = await ensureNamespace(client, segments.slice(0, -1), wish.createGroups)
  const { id: namespaceId, madeGroups } = namespace
  const description = withMark(wish.description, wish.datasetId)
  const { visibility = 'private', topics = [] } = wish
  const wanted = { path: segments.at(-1) ?? '', namespaceId, description, visibility, topics }
  let created: Made<Project>
  try {
    created = await createProject(client, wanted, () => getProject(client, wish.path))
  } catch (error) {
    if (isGitLabError(error, 'taken')) return settleTaken(client, wish, error, madeGroups)
    throw explainRefusal(error, wish)
  }
  if (created.isOurs) return { project: created.value, made: true, changed: [], madeGroups }
  // It appeared while an answer got lost: the mark says whether by us.
  return { ...(await settle(client, wish, created.value, madeGroups)), made: true }
}

/** Says no for what must not be touched, and brings what is ours up to date. */
async function settle(
  client: GitLabClient,
  wish: ProjectWish,
  project: Project,
  madeGroups: readonly string[],
): Promise<EnsuredProject> {
  refuseUnusable(project, wish.path)
  const adopts = wish.adoptEmpty === true && isUnmarkedAndEmpty(project)
  if (!adopts) refuseForeign(project, wish.datasetId)
  const changes = changesTo(project, wish, adopts)
  const names = Object.keys(changes)
  if (names.length === 0) return { project, made: false, changed: [], madeGroups }
  const changed = await changeProject(client, project.id, changes).catch((error: unknown) => {
    throw isGitLabError(error, 'forbidden', 'absent')
      ? error.saying(`no right to change ${names.join(', ')} of the project ${project.fullPath}: ${error.reason}`)
      : explainRefusal(error, wish)
  })
  // Two datasets may take an empty project at the same moment: the mark that stands at last
  // decides.
  if (adopts) refuseForeign((await getProject(client, wish.path)) ?? changed, wish.datasetId)
  return { project: changed, made: false, changed: names, madeGroups }
}

function changesTo(project: Project, wish: ProjectWish, adopts: boolean): ProjectChanges {
  const { datasetId, visibility, topics, defaultBranch } = wish
  const description = withMark(wish.description ?? project.description, datasetId)
  const updates = wish.update === true
  const isOther = (one: string | undefined, other: string | undefined) => other !== undefined && one !== other
  const isDescribed = adopts || (updates && wish.description !== undefined)
  return {
    ...(isDescribed && description !== project.description && { description }),
    ...(updates && visibility !== undefined && isOther(project.visibility, visibility) && { visibility }),
    ...(updates && topics !== undefined && topics.join('\n') !== project.topics.join('\n') && { topics }),
    ...(updates &&
      defaultBranch !== undefined &&
      !project.isEmpty &&
      isOther(project.defaultBranch, defaultBranch) && { default_branch: defaultBranch }),
  }
}

/**
 * So long a project that somebody else is just making may be named as taken, and not be there. ms.
 */
const MAKING_MS = 1000

/** Somebody was quicker, or a project that this token does not see has the name. */
async function settleTaken(
  client: GitLabClient,
  wish: ProjectWish,
  error: unknown,
  madeGroups: readonly string[],
): Promise<EnsuredProject> {
  let project = await getProject(client, wish.path)
  if (project === undefined) {
    await sleep(MAKING_MS)
    project = await getProject(client, wish.path)
  }
  if (project !== undefined) return settle(client, wish, project, madeGroups)
  if (!isGitLabError(error)) throw error
  const [name, group] = [wish.path.replace(/^.*\//, ''), wish.path.replace(/\/[^/]*$/, '')]
  const by = 'a project that this token does not see, or one that is called so and has another path'
  throw error.saying(`the name ${name} is taken in ${group} by ${by}`)
}

/** What GitLab's refusal of a project means to whoever asked for it. */
function explainRefusal(error: unknown, { path, visibility = 'private' }: ProjectWish): unknown {
  if (!isGitLabError(error)) return error
  const group = path.replace(/\/[^/]*$/, '')
  switch (error.kind) {
    case 'namespace':
    case 'forbidden':
    case 'absent':
      return error.saying(`no right to make projects in ${group}: ${error.reason}`)
    case 'visibility':
      return error.saying(`the project ${path} may not be ${visibility}: ${error.reason}`)
    case 'limit':
      return error.saying(`the owner of the token may make no more projects: ${error.reason}`)
    case 'refused':
      return error.saying(`GitLab does not take the project ${path}: ${error.reason}`)
    default:
      return error
  }
}

export interface ProjectPlan {
  /** The project, when it is there and may be used. */
  readonly project: Project | undefined
  /** Full paths of the groups that are missing, the outermost first. */
  readonly missingGroups: readonly string[]
}

/**
 * What `ensureProject` would find and make. Only looks. Throws as that does, as far as looking
 * tells.
 */
export async function planProject(client: GitLabClient, wish: ProjectWish): Promise<ProjectPlan> {
  const segments = parseProjectPath(wish.path)
  const project = await getProject(client, wish.path)
  if (project !== undefined) {
    refuseUnusable(project, wish.path)
    if (wish.adoptEmpty !== true || !isUnmarkedAndEmpty(project)) refuseForeign(project, wish.datasetId)
    return { project, missingGroups: [] }
  }
  const namespace = await findNamespace(client, segments.slice(0, -1))
  const missingGroups = 'missing' in namespace ? namespace.missing : []
  if (!wish.createGroups && missingGroups[0] !== undefined) throw groupsNotToBeMade(client, missingGroups[0])
  return { project: undefined, missingGroups }
}
