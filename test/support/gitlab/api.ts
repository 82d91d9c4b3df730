import {
  forbidden,
  groupShape,
  MOVED_METHOD,
  message,
  namespaceShape,
  notFound,
  ok,
  parameterError,
  projectShape,
  type Reply,
  SCOPE,
  tokenShape,
  UNAUTHORIZED,
  userShape,
} from './answers.ts'
import { createProject, editProject, removeProject } from './projects.ts'
import {
  fullPath,
  type GitLabGroup,
  type GitLabProject,
  type GitLabState,
  type GitLabToken,
  type GitLabUser,
  ROLES,
  type Visibility,
} from './state.ts'

export interface ApiRequest {
  readonly method: string
  /** What follows /api/v4, still encoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  /** A token that GitLab knows and that is neither expired nor revoked. */
  readonly token: GitLabToken | undefined
}

/** What every handler knows. */
export interface Context {
  readonly url: string
  readonly state: GitLabState
  readonly user: GitLabUser
  readonly makeRepository: (project: GitLabProject) => Promise<void>
}

/** Carries out a call of the API, with GitLab's answers. */
export async function handleApi(
  { method, path, query, body, token }: ApiRequest,
  shared: Omit<Context, 'user'>,
): Promise<Reply> {
  if (token === undefined) return UNAUTHORIZED
  if (token.user.state === 'blocked') return message(403, '403 Forbidden - Your account has been blocked.')
  if (path === '/personal_access_tokens/self' && method === 'GET') return ok(tokenShape(token))
  if (!hasScope(token, method, path)) return SCOPE
  const { state, url } = shared
  const { user } = token
  const context: Context = { ...shared, user }
  const [, kind = '', id, rest] = path.split('/').map(decodeURIComponent)
  if (path === '/user' && method === 'GET') return ok(userShape(url, user))
  if (kind === 'namespaces' && id !== undefined && rest === undefined && method === 'GET')
    return oneNamespace(context, id)
  if (kind === 'groups' && method === 'POST' && id === undefined) return createGroup(context, body)
  if (kind === 'groups' && method === 'GET' && id === undefined) return listGroups(context, query)
  if (kind === 'groups' && method === 'GET' && id !== undefined) {
    const group = findGroup(context, id)
    return group === undefined ? notFound('Group') : ok(groupShape(url, group))
  }
  if (kind === 'projects' && id === undefined) {
    if (method === 'POST') return createProject(context, body)
    if (method === 'GET') return listProjects(context, query)
  }
  if (kind === 'projects' && id !== undefined && rest === undefined) {
    const { project, isMoved } = findProject(context, id)
    if (project === undefined) return notFound('Project')
    if (isMoved && method !== 'GET') return MOVED_METHOD
    if (isMoved) return movedTo(url, project)
    if (method === 'GET') return ok(projectShape(url, project))
    if (state.levelOf(user, project) < ROLES.maintainer) return forbidden()
    if (method === 'PUT') return editProject(context, project, body)
    if (method === 'DELETE') return removeProject(context, project, { ...body, ...Object.fromEntries(query) })
  }
  return { status: 404, body: { error: '404 Not Found' } }
}

function hasScope({ scopes }: GitLabToken, method: string, path: string): boolean {
  if (scopes.includes('api')) return true
  if (method !== 'GET') return false
  return scopes.includes('read_api') || (path === '/user' && scopes.includes('read_user'))
}

function findGroup({ state, user }: Context, id: string): GitLabGroup | undefined {
  const group = /^[0-9]+$/.test(id) ? state.groups.find((each) => each.id === Number(id)) : state.groupAt(id)
  return group !== undefined && state.sees(user, group) ? group : undefined
}

function findProject({ state, user }: Context, id: string): { project?: GitLabProject; isMoved: boolean } {
  const isNumber = /^[0-9]+$/.test(id)
  const direct = isNumber ? state.projects.find((each) => each.id === Number(id)) : state.projectAt(id)
  const project = direct ?? (isNumber ? undefined : state.redirects.get(id.toLowerCase()))
  if (project === undefined || !state.sees(user, project)) return { isMoved: false }
  return { project, isMoved: direct === undefined }
}

function movedTo(url: string, { id }: GitLabProject): Reply {
  const location = `${url}/api/v4/projects/${id}`
  return {
    status: 301,
    body: `This resource has been moved permanently to ${location}`,
    text: true,
    headers: { location },
  }
}

function oneNamespace({ state, url, user }: Context, id: string): Reply {
  const own = id === String(user.namespaceId) || id.toLowerCase() === user.username.toLowerCase()
  if (own) return ok(namespaceShape(url, user))
  const group = findGroup({ state, url, user } as Context, id)
  const isMember = group !== undefined && state.levelOf(user, group) > 0
  return isMember ? ok(namespaceShape(url, group)) : notFound('Namespace')
}

function createGroup({ state, url, user }: Context, body: ApiRequest['body']): Reply {
  const {
    name,
    path,
    parent_id,
    visibility = 'private',
  } = body as {
    name?: string
    path?: string
    parent_id?: number
    visibility?: Visibility
  }
  if (name === undefined) return parameterError('name is missing')
  if (path === undefined) return parameterError('path is missing')
  if (parent_id === undefined) return forbidden()
  const parent = state.groups.find((group) => group.id === Number(parent_id))
  if (parent === undefined || !state.sees(user, parent)) return notFound('Group')
  if (state.levelOf(user, parent) < ROLES.maintainer) return forbidden()
  const full = `${fullPath(parent)}/${path}`
  if (state.restricted.includes(visibility)) {
    const reason = `${visibility} has been restricted by your GitLab administrator`
    return message(400, `Failed to save group {:visibility_level=>["${reason}"]}`)
  }
  if (state.groupAt(full) !== undefined || state.projectAt(full) !== undefined) {
    return message(400, 'Failed to save group {:path=>["has already been taken"]}')
  }
  return ok(groupShape(url, state.addGroup(path, parent, visibility)), 201)
}

function listProjects({ state, url, user }: Context, query: URLSearchParams): Reply {
  const search = query.get('search')?.toLowerCase() ?? ''
  const found = state.projects
    .filter((project) => state.sees(user, project) && project.path.toLowerCase().includes(search))
    .filter((project) => query.get('membership') !== 'true' || state.levelOf(user, project) > 0)
    .filter((project) => !query.has('topic') || project.topics.includes(query.get('topic') ?? ''))
    .sort((one, other) => other.id - one.id)
  return page(
    `${url}/api/v4/projects`,
    found.map((project) => projectShape(url, project)),
    query,
  )
}

function listGroups({ state, url, user }: Context, query: URLSearchParams): Reply {
  const search = query.get('search')?.toLowerCase() ?? ''
  const least = query.get('owned') === 'true' ? ROLES.owner : Number(query.get('min_access_level') ?? 0)
  const found = state.groups
    .filter((group) => state.sees(user, group) && group.path.toLowerCase().includes(search))
    .filter((group) => state.levelOf(user, group) >= least)
    .filter((group) => query.get('top_level_only') !== 'true' || group.parent === undefined)
    .sort((one, other) => one.path.localeCompare(other.path))
  return page(
    `${url}/api/v4/groups`,
    found.map((group) => groupShape(url, group)),
    query,
  )
}

/** A page of a list, with the headers that lead to the others. */
function page(address: string, all: readonly unknown[], query: URLSearchParams): Reply {
  const at = Number(query.get('page') ?? 1)
  const perPage = Math.min(100, Number(query.get('per_page') ?? 20))
  const pages = Math.ceil(all.length / perPage)
  const next = at < pages ? at + 1 : undefined
  const link = (to: number) => `<${address}?page=${to}&per_page=${perPage}>`
  return {
    ...ok(all.slice((at - 1) * perPage, at * perPage)),
    headers: {
      link: [next && `${link(next)}; rel="next"`, `${link(1)}; rel="first"`].filter(Boolean).join(', '),
      'x-next-page': next === undefined ? '' : String(next),
      'x-page': String(at),
      'x-per-page': String(perPage),
      'x-prev-page': at > 1 ? String(at - 1) : '',
      'x-total': String(all.length),
      'x-total-pages': String(pages),
    },
  }
}
