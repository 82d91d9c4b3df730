import type { GitLabClient } from './client.ts'
import { GitLabError, isGitLabError } from './gitlab-error.ts'
import {
  type AccessToken,
  type Group,
  type Namespace,
  type Project,
  readAccessToken,
  readGroup,
  readNamespace,
  readProject,
  readUser,
  type User,
  type Visibility,
} from './shapes.ts'

/** The token's owner. Scopes api, read_api or read_user. (GitLab: Users API) */
export function getUser(client: GitLabClient): Promise<User> {
  return client.get('/user', readUser)
}

/**
 * The token itself; undefined for one that is no personal, project or group access token. (Personal
 * access tokens API)
 */
export async function getToken(client: GitLabClient): Promise<AccessToken | undefined> {
  try {
    return await client.get('/personal_access_tokens/self', readAccessToken)
  } catch (error) {
    if (isGitLabError(error, 'refused', 'absent', 'unexpected') && error.status !== 200) return undefined
    throw error
  }
}

/**
 * A group by its full path; undefined when GitLab says that there is none, or none that this token
 * sees. (Groups API)
 */
export function getGroup(client: GitLabClient, path: string): Promise<Group | undefined> {
  return orAbsent(client.get(`/groups/${encodeURIComponent(path)}?with_projects=false`, readGroup))
}

/** A namespace that the user is a member of: a group, or their own. (Namespaces API) */
export function getNamespace(client: GitLabClient, path: string): Promise<Namespace | undefined> {
  return orAbsent(client.get(`/namespaces/${encodeURIComponent(path)}`, readNamespace))
}

/**
 * A project by its full path, or undefined, as with groups. Throws `moved`, with the new path, when
 * it was moved away from there. (Projects API)
 */
export async function getProject(client: GitLabClient, path: string): Promise<Project | undefined> {
  try {
    return await orAbsent(client.get(`/projects/${encodeURIComponent(path)}`, readProject))
  } catch (error) {
    if (!isGitLabError(error, 'moved')) throw error
    throw await movedProject(client, path, error)
  }
}

/** Where a project went. Only the GitLab that we talk to is asked. */
async function movedProject(client: GitLabClient, path: string, error: GitLabError): Promise<GitLabError> {
  const { location } = error
  const api = `${client.address.url}/api/v4/projects/`
  const id = location?.startsWith(api) ? location.slice(api.length) : undefined
  if (id === undefined || !/^[0-9]+$/.test(id)) return error
  const project = await client.get(`/projects/${id}`, readProject)
  const isDeleted = project.markedForDeletion !== undefined
  const message = isDeleted
    ? `the project was deleted on ${project.markedForDeletion}, and is now ${project.fullPath}`
    : `the project was moved to ${project.fullPath}`
  return new GitLabError({
    kind: isDeleted ? 'deleting' : 'moved',
    where: `${client.address.url}/${path}`,
    message,
    status: error.status,
    location: project.webUrl,
  })
}

export interface NewGroup {
  readonly path: string
  readonly parent: Group
}

/** Makes a subgroup, as visible as its parent. (Groups API) */
export async function createGroup(client: GitLabClient, { path, parent }: NewGroup): Promise<Made<Group>> {
  const full = `${parent.fullPath}/${path}`
  const body = { name: path, path, parent_id: parent.id, visibility: parent.visibility }
  return client.create('/groups', body, readGroup, () => getGroup(client, full))
}

export interface NewProject {
  readonly path: string
  readonly namespaceId: number
  readonly description: string
  readonly visibility: Visibility
  readonly topics: readonly string[]
}

/**
 * What was created. `isOurs` is undefined for what was found after an answer got lost: nobody knows
 * who created that.
 */
export interface Made<T> {
  readonly value: T
  readonly isOurs: boolean | undefined
}

/** Makes an empty project. (Projects API) */
export function createProject(
  client: GitLabClient,
  { path, namespaceId, description, visibility, topics }: NewProject,
  look: () => Promise<Project | undefined>,
): Promise<Made<Project>> {
  const body = {
    name: path,
    path,
    namespace_id: namespaceId,
    description,
    visibility,
    ...(topics.length > 0 && { topics }),
  }
  return client.create('/projects', body, readProject, look)
}

/** What can be changed of a project. */
export interface ProjectChanges {
  readonly description?: string
  readonly topics?: readonly string[]
  readonly visibility?: Visibility
  /** A branch that is there. */
  readonly default_branch?: string
}

/** Changes a project. (Projects API) */
export function changeProject(client: GitLabClient, id: number, changes: ProjectChanges): Promise<Project> {
  return client.put(`/projects/${id}`, { ...changes }, readProject)
}

async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isGitLabError(error, 'absent')) return undefined
    throw error
  }
}
