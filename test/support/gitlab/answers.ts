import { fullPath, type GitLabGroup, type GitLabProject, type GitLabToken, type GitLabUser } from './state.ts'

/** What a handler answers with: JSON, or a text. */
export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly text?: true
  readonly headers?: Readonly<Record<string, string>>
}

export const ok = (body: unknown, status = 200): Reply => ({ status, body })
export const message = (status: number, text: unknown): Reply => ({ status, body: { message: text } })
export const parameterError = (error: string): Reply => ({ status: 400, body: { error } })
export const notFound = (what: 'Project' | 'Group' | 'Namespace'): Reply => message(404, `404 ${what} Not Found`)
export const forbidden = (): Reply => message(403, '403 Forbidden')

export const UNAUTHORIZED = message(401, '401 Unauthorized')
const invalidToken = (description: string): Reply => ({
  status: 401,
  body: { error: 'invalid_token', error_description: description },
})
export const EXPIRED = invalidToken('Token is expired. You can either do re-authorization or token refresh.')
export const REVOKED = invalidToken('Token was revoked. You have to re-authorize from the user.')
export const SCOPE: Reply = {
  status: 403,
  body: {
    error: 'insufficient_scope',
    error_description: 'The request requires higher privileges than provided by the access token.',
    scope: 'api',
  },
}
export const MOVED_METHOD = message(405, 'Non GET methods are not allowed for moved projects')

export function userShape(url: string, user: GitLabUser) {
  return {
    id: user.id,
    username: user.username,
    name: user.username,
    state: user.state,
    web_url: `${url}/${user.username}`,
    namespace_id: user.namespaceId,
    can_create_group: false,
    can_create_project: user.projectsLimit > 0,
    projects_limit: user.projectsLimit,
  }
}

export function tokenShape(token: GitLabToken) {
  return {
    id: token.id,
    name: token.name,
    description: null,
    revoked: token.revoked,
    active: true,
    created_at: '2026-01-02T10:00:00.000Z',
    scopes: token.scopes,
    user_id: token.user.id,
    last_used_at: null,
    expires_at: token.expiresAt,
  }
}

export function groupShape(url: string, group: GitLabGroup) {
  const path = fullPath(group)
  return {
    id: group.id,
    name: group.path,
    path: group.path,
    full_name: path.replaceAll('/', ' / '),
    full_path: path,
    parent_id: group.parent?.id ?? null,
    visibility: group.visibility,
    description: '',
    web_url: `${url}/groups/${path}`,
    marked_for_deletion_on: group.markedForDeletion,
  }
}

export function namespaceShape(url: string, owner: GitLabGroup | GitLabUser) {
  if ('username' in owner) {
    const { username, namespaceId } = owner
    const web_url = `${url}/${username}`
    return {
      id: namespaceId,
      name: username,
      path: username,
      kind: 'user',
      full_path: username,
      parent_id: null,
      web_url,
    }
  }
  const { id, name, path, full_path, parent_id, web_url } = groupShape(url, owner)
  return { id, name, path, kind: 'group', full_path, parent_id, web_url }
}

export function projectShape(url: string, project: GitLabProject) {
  const path = fullPath(project)
  const host = new URL(url).hostname
  return {
    id: project.id,
    name: project.name,
    name_with_namespace: path.replaceAll('/', ' / '),
    path: project.path,
    path_with_namespace: path,
    description: project.description,
    default_branch: project.defaultBranch,
    topics: project.topics,
    visibility: project.visibility,
    empty_repo: project.defaultBranch === null,
    archived: project.archived,
    created_at: '2026-11-20T10:00:00.000Z',
    http_url_to_repo: `${url}/${path}.git`,
    ssh_url_to_repo: `git@${host}:${path}.git`,
    web_url: `${url}/${path}`,
    marked_for_deletion_on: project.markedForDeletion,
    namespace: namespaceShape(url, project.owner),
  }
}
