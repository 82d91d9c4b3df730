import { createGroup, getGroup, getNamespace, getUser, type Made } from './calls.ts'
import type { GitLabClient } from './client.ts'
import { GitLabError, isGitLabError } from './gitlab-error.ts'
import type { Group } from './shapes.ts'

export interface EnsuredNamespace {
  readonly id: number
  /** Undefined for the namespace of a user. */
  readonly group: Group | undefined
  /** Full paths of the groups that were made, the outermost first. */
  readonly madeGroups: readonly string[]
}

/** A namespace that is not there, but whose outer groups are. */
export interface MissingGroups {
  readonly parent: Group
  /** Full paths of the groups that are missing below it, the outermost first. */
  readonly missing: readonly string[]
}

/**
 * The group, or the user's own namespace, with this path. Missing subgroups are made from the
 * outermost inwards when that is allowed, each as visible as its parent. Groups at the top are
 * never made: they are a matter for people. Throws GitLabError.
 */
export async function ensureNamespace(
  client: GitLabClient,
  segments: readonly string[],
  createGroups: boolean,
): Promise<EnsuredNamespace> {
  const found = await findNamespace(client, segments)
  if ('id' in found) return found
  const { parent, missing } = found
  const [first = ''] = missing
  if (!createGroups) throw groupsNotToBeMade(client, first)
  let group = parent
  const madeGroups: string[] = []
  for (const path of missing) {
    const { value, isOurs = true } = await makeGroup(client, path, group)
    group = value
    if (isOurs) madeGroups.push(path)
  }
  return { id: group.id, group, madeGroups }
}

/**
 * Looks for a namespace. Where it is missing: the innermost group of its path that is there, and
 * what is missing below it.
 */
export async function findNamespace(
  client: GitLabClient,
  segments: readonly string[],
): Promise<EnsuredNamespace | MissingGroups> {
  for (let depth = segments.length; depth > 0; depth--) {
    const path = segments.slice(0, depth).join('/')
    const group = await getGroup(client, path)
    if (group === undefined) continue
    refuseDeleting(client, group)
    const missing = segments.slice(depth).map((_segment, at) => segments.slice(0, depth + at + 1).join('/'))
    return missing.length === 0 ? { id: group.id, group, madeGroups: [] } : { parent: group, missing }
  }
  const [top = ''] = segments
  const own = segments.length === 1 ? await getNamespace(client, top) : undefined
  if (own !== undefined) {
    await refuseForeignUser(client, own.kind, own.fullPath)
    return { id: own.id, group: undefined, madeGroups: [] }
  }
  const how = 'a group at the top is made in the browser, by somebody who may'
  throw absent(client, top, `there is no group ${top} that this token sees; ${how}`)
}

async function makeGroup(client: GitLabClient, path: string, parent: Group): Promise<Made<Group>> {
  const segment = path.slice(path.lastIndexOf('/') + 1)
  try {
    return await createGroup(client, { path: segment, parent })
  } catch (error) {
    if (isGitLabError(error, 'taken')) {
      const group = await getGroup(client, path)
      if (group !== undefined) {
        refuseDeleting(client, group)
        return { value: group, isOurs: false }
      }
      throw error.saying(
        `the name ${segment} is taken in the group ${parent.fullPath} by something that this token does not see`,
      )
    }
    if (isGitLabError(error, 'forbidden', 'namespace', 'absent')) {
      throw error.saying(`no right to make subgroups in the group ${parent.fullPath}: ${error.reason}`)
    }
    if (isGitLabError(error, 'visibility', 'refused')) {
      throw error.saying(`the group ${path} cannot be made: ${error.reason}`)
    }
    throw error
  }
}

function refuseDeleting({ address }: GitLabClient, { fullPath, markedForDeletion }: Group): void {
  if (markedForDeletion === undefined) return
  const where = `${address.url}/${fullPath}`
  const message = `the group was deleted on ${markedForDeletion} and only waits to be removed: restore it, or name another`
  throw new GitLabError({ kind: 'deleting', where, message })
}

/** Projects are made in one's own namespace only. */
async function refuseForeignUser(client: GitLabClient, kind: string, path: string): Promise<void> {
  if (kind !== 'user') return
  const { username } = await getUser(client)
  if (username.toLowerCase() === path.toLowerCase()) return
  throw absent(client, path, `${path} is the namespace of another user than ${username}, who owns the token`)
}

export function groupsNotToBeMade(client: GitLabClient, path: string): GitLabError {
  return absent(client, path, `there is no group ${path} that this token sees, and groups are not to be made`)
}

function absent({ address }: GitLabClient, path: string, message: string): GitLabError {
  return new GitLabError({ kind: 'absent', where: `${address.url}/${path}`, message })
}
