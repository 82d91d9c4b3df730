import { forbidden, message, ok, parameterError, projectShape, type Reply } from './answers.ts'
import type { Context } from './api.ts'
import {
  fullPath,
  type GitLabGroup,
  type GitLabProject,
  type GitLabState,
  type GitLabUser,
  ROLES,
  type Visibility,
} from './state.ts'

type Body = Readonly<Record<string, unknown>>

const RANKS: Readonly<Record<Visibility, number>> = { private: 0, internal: 1, public: 2 }

const PATH_RULE =
  "can only include non-accented letters, digits, '_', '-' and '.'. It must not start with '-', '_', or '.', nor end with '-', '_', '.', '.git', or '.atom'."

export async function createProject(context: Context, body: Body): Promise<Reply> {
  const { state, url, user, makeRepository } = context
  const given = body as { name?: string; path?: string; namespace_id?: number; visibility?: Visibility }
  if (given.name === undefined && given.path === undefined) {
    return parameterError('name, path are missing, at least one parameter must be provided')
  }
  const path = given.path ?? (given.name ?? '').toLowerCase().replace(/[^a-z0-9._]+/g, '-')
  const name = given.name ?? path
  const visibility = given.visibility ?? 'private'
  if (!(visibility in RANKS)) return parameterError('visibility does not have a valid value')
  if (typeof body.default_branch === 'string' && body.initialize_with_readme !== true) {
    return parameterError('default_branch needs initialize_with_readme')
  }
  const owner = ownerOf(state, user, given.namespace_id)
  if (owner === undefined || state.levelOf(user, owner) < ROLES.developer) {
    return message(400, { namespace: ['is not valid'] })
  }
  if ('username' in owner && ownedBy(state, user) >= user.projectsLimit) {
    const reason = `Your project limit is ${user.projectsLimit} projects! Please contact your administrator to increase it`
    return { status: 403, body: { error: [reason] } }
  }
  if (!/^[a-zA-Z0-9]+([._-][a-zA-Z0-9]+)*$/.test(path) || /\.(git|atom)$/.test(path)) {
    return message(400, { path: [PATH_RULE] })
  }
  const taken = takenNames(state, owner, name, path)
  if (taken.length > 0) {
    const keys = taken.includes('path') ? ['project_namespace.name', ...taken] : taken
    return message(400, Object.fromEntries(keys.map((key) => [key, ['has already been taken']])))
  }
  const refusal = visibilityRefusal(state, owner, visibility)
  if (refusal !== undefined) return refusal
  const project = state.addProject({
    name,
    path,
    owner,
    visibility,
    description: typeof body.description === 'string' ? body.description : null,
    topics: Array.isArray(body.topics) ? body.topics.map(String) : [],
  })
  await makeRepository(project)
  return ok(projectShape(url, project), 201)
}

function ownerOf(state: GitLabState, user: GitLabUser, id: number | undefined): GitLabGroup | GitLabUser | undefined {
  if (id === undefined || Number(id) === user.namespaceId) return user
  return state.groups.find((group) => group.id === Number(id))
}

function ownedBy(state: GitLabState, user: GitLabUser): number {
  return state.projects.filter(({ owner }) => owner === user).length
}

function takenNames(state: GitLabState, owner: GitLabGroup | GitLabUser, name: string, path: string): string[] {
  const beside = state.projects.filter((project) => project.owner === owner)
  const isGroup = state.groupAt(`${fullPath(owner)}/${path}`) !== undefined
  const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()
  return [
    ...(beside.some((project) => same(project.name, name)) ? ['name'] : []),
    ...(isGroup || beside.some((project) => same(project.path, path)) ? ['path'] : []),
  ]
}

function visibilityRefusal(state: GitLabState, owner: GitLabGroup | GitLabUser, visibility: Visibility) {
  if (state.restricted.includes(visibility)) {
    return message(400, { visibility_level: [`${visibility} has been restricted by your GitLab administrator`] })
  }
  if (!('username' in owner) && RANKS[visibility] > RANKS[owner.visibility]) {
    return message(400, { visibility_level: [`${visibility} is not allowed in a ${owner.visibility} group.`] })
  }
  return undefined
}

export function editProject({ state, url }: Context, project: GitLabProject, body: Body): Reply {
  const { name, path, description, topics, visibility, default_branch: branch } = body
  if (Object.keys(body).length === 0) {
    return parameterError('name, path, description are missing, at least one parameter must be provided')
  }
  if (project.archived && (name !== undefined || path !== undefined)) return forbidden()
  if (typeof visibility === 'string') {
    const refusal = visibilityRefusal(state, project.owner, visibility as Visibility)
    if (refusal !== undefined) return refusal
    project.visibility = visibility as Visibility
  }
  if (typeof branch === 'string') {
    if (project.defaultBranch === null) return message(400, { base: ['Could not set the default branch'] })
    project.defaultBranch = branch
  }
  if (typeof description === 'string') project.description = description
  if (Array.isArray(topics)) project.topics = topics.map(String)
  if (typeof path === 'string' && path !== project.path) state.rename(project, path)
  if (typeof name === 'string') project.name = name
  return ok(projectShape(url, project))
}

export function removeProject({ state, user }: Context, project: GitLabProject, given: Body): Reply {
  if (state.levelOf(user, project) < ROLES.owner) return forbidden()
  const isPermanent = String(given.permanently_remove) === 'true'
  if (!isPermanent) {
    if (project.markedForDeletion !== null) return message(400, 'Project has been already marked for deletion')
    project.markedForDeletion = new Date().toISOString().slice(0, 10)
    project.archived = true
    state.rename(project, `${project.path}-deletion_scheduled-${project.id}`)
    return message(202, '202 Accepted')
  }
  if (project.markedForDeletion === null) return message(400, 'Project must be marked for deletion first.')
  if (given.full_path !== fullPath(project)) {
    return message(400, '`full_path` is incorrect. You must enter the complete path for the project.')
  }
  state.projects.splice(state.projects.indexOf(project), 1)
  for (const [path, target] of state.redirects) if (target === project) state.redirects.delete(path)
  return message(202, '202 Accepted')
}
