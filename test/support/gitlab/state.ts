import { randomBytes } from 'node:crypto'

export type Visibility = 'private' | 'internal' | 'public'

/** GitLab's numbers for roles. */
export const ROLES = { guest: 10, reporter: 20, developer: 30, maintainer: 40, owner: 50 } as const

export type Role = keyof typeof ROLES

export interface GitLabUser {
  readonly id: number
  readonly username: string
  readonly namespaceId: number
  state: 'active' | 'blocked'
  projectsLimit: number
}

export interface GitLabToken {
  readonly id: number
  readonly name: string
  readonly text: string
  readonly user: GitLabUser
  readonly scopes: readonly string[]
  /** The day at whose beginning (UTC) it ends. */
  expiresAt: string | null
  revoked: boolean
}

export interface GitLabGroup {
  readonly id: number
  path: string
  readonly parent: GitLabGroup | undefined
  visibility: Visibility
  readonly members: Map<number, Role>
  markedForDeletion: string | null
}

export interface GitLabProject {
  readonly id: number
  name: string
  path: string
  /** The group, or the user, that it lies in. */
  owner: GitLabGroup | GitLabUser
  description: string | null
  topics: readonly string[]
  visibility: Visibility
  defaultBranch: string | null
  archived: boolean
  markedForDeletion: string | null
}

/** Everything that a GitLab knows, but for the repositories. */
export class GitLabState {
  readonly users: GitLabUser[] = []
  readonly tokens: GitLabToken[] = []
  readonly groups: GitLabGroup[] = []
  readonly projects: GitLabProject[] = []
  /** What a former path, in lower case, leads to. */
  readonly redirects = new Map<string, GitLabProject>()
  /** Visibilities that the administrator does not allow. */
  restricted: readonly Visibility[] = []
  #lastId = 10

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  addUser(username: string, { projectsLimit = 100_000 } = {}): GitLabUser {
    const user: GitLabUser = {
      id: this.nextId(),
      username,
      namespaceId: this.nextId(),
      state: 'active',
      projectsLimit,
    }
    this.users.push(user)
    return user
  }

  addToken(user: GitLabUser, scopes: readonly string[], expiresAt: string | null = null): GitLabToken {
    const text = `glpat-${randomBytes(15).toString('base64url')}`
    const token = { id: this.nextId(), name: 'riastore', text, user, scopes, expiresAt, revoked: false }
    this.tokens.push(token)
    return token
  }

  addGroup(path: string, parent: GitLabGroup | undefined, visibility: Visibility): GitLabGroup {
    const members = new Map<number, Role>()
    const group = { id: this.nextId(), path, parent, visibility, members, markedForDeletion: null }
    this.groups.push(group)
    return group
  }

  addProject(fields: Omit<GitLabProject, 'id' | 'defaultBranch' | 'archived' | 'markedForDeletion'>): GitLabProject {
    const project = { ...fields, id: this.nextId(), defaultBranch: null, archived: false, markedForDeletion: null }
    this.projects.push(project)
    this.redirects.delete(fullPath(project).toLowerCase())
    return project
  }

  rename(project: GitLabProject, path: string): void {
    this.redirects.set(fullPath(project).toLowerCase(), project)
    project.path = path
    project.name = path
  }

  groupAt(path: string): GitLabGroup | undefined {
    return this.groups.find((group) => fullPath(group).toLowerCase() === path.toLowerCase())
  }

  projectAt(path: string): GitLabProject | undefined {
    return this.projects.find((project) => fullPath(project).toLowerCase() === path.toLowerCase())
  }

  /** GitLab's number for the role of a user in a group or project: 0 for none. */
  levelOf(user: GitLabUser | undefined, thing: GitLabGroup | GitLabProject | GitLabUser): number {
    if (user === undefined) return 0
    if ('username' in thing) return thing === user ? ROLES.owner : 0
    if ('owner' in thing) return this.levelOf(user, thing.owner)
    const role = thing.members.get(user.id)
    return Math.max(role === undefined ? 0 : ROLES[role], thing.parent ? this.levelOf(user, thing.parent) : 0)
  }

  sees(user: GitLabUser | undefined, thing: GitLabGroup | GitLabProject): boolean {
    if (thing.visibility === 'public') return true
    if (thing.visibility === 'internal' && user !== undefined) return true
    return this.levelOf(user, thing) > 0
  }
}

export function fullPath(thing: GitLabGroup | GitLabProject | GitLabUser): string {
  if ('username' in thing) return thing.username
  const above = 'owner' in thing ? thing.owner : thing.parent
  return above === undefined ? thing.path : `${fullPath(above)}/${thing.path}`
}
