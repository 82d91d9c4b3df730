import { messageOf } from '../../core/errors.ts'
import type { Outcome } from '../../core/finding.ts'
import { getToken } from '../../gitlab/calls.ts'
import type { GitLabClient } from '../../gitlab/client.ts'
import { connectGitLab } from '../../gitlab/connect.ts'
import { findNamespace } from '../../gitlab/ensure-group.ts'
import type { CheckOptions } from './check-installation.ts'
import type { Site } from './config.ts'

/** A token that ends sooner is worth a word. ms. */
const SOON_MS = 14 * 24 * 3_600_000

/** The least role that may make projects, where the group does not want a higher one: Developer. */
const DEVELOPER = 30

/** Checks the token, and the group that new projects are made in. Nothing is changed in GitLab. */
export async function checkGitLab(site: Site, { signal, report }: CheckOptions): Promise<void> {
  const { gitlab } = site
  if (gitlab === undefined) {
    report({ check: 'gitlab', result: 'skipped', why: 'the site has none' })
    return
  }
  const check = async (name: string, work: () => Promise<Outcome>) => {
    try {
      const [result, why] = await work()
      report({ check: name, result, why })
      return result === 'ok' || result === 'warning'
    } catch (error) {
      if (signal?.aborted) throw error
      report({ check: name, result: 'failed', why: messageOf(error) })
      return false
    }
  }
  let client: GitLabClient | undefined
  await check('gitlab: token', async () => {
    const connection = await connectGitLab({ url: gitlab.url, env: process.env, signal })
    client = connection.client
    return tokenOf(client, connection.user.username, connection.source)
  })
  const { group } = gitlab
  if (client === undefined || group === undefined) return
  const known = client
  await check('gitlab: group', () => groupOf(known, group))
}

async function tokenOf(client: GitLabClient, user: string, source: string): Promise<Outcome> {
  const token = await getToken(client)
  const whose = `of ${user}, from ${source}`
  if (token === undefined) return ['ok', `${whose}; what it may do is not told`]
  if (!token.scopes.includes('api')) {
    return ['failed', `${whose}: it has the scopes ${token.scopes.join(', ')}, and projects are made with api`]
  }
  const { expiresAt } = token
  if (expiresAt === undefined) return ['ok', `${whose}, without an end`]
  const isSoon = Date.parse(expiresAt) - Date.now() < SOON_MS
  return [isSoon ? 'warning' : 'ok', `${whose}, until ${expiresAt}`]
}

async function groupOf(client: GitLabClient, path: string): Promise<Outcome> {
  const found = await findNamespace(client, path.split('/'))
  if ('missing' in found) {
    return [
      'warning',
      `${found.missing.join(', ')} is not there: it is made with the first project, if that is allowed`,
    ]
  }
  const { group } = found
  if (group === undefined) return ['ok', `${path} is your own namespace`]
  const last = path.slice(path.lastIndexOf('/') + 1)
  const query = `min_access_level=${DEVELOPER}&search=${encodeURIComponent(last)}&per_page=100`
  const { json } = await client.get(`/groups?${query}`)
  const mine = Array.isArray(json) ? json : []
  const isMine = mine.some((each) => String(each?.full_path).toLowerCase() === group.fullPath.toLowerCase())
  if (isMine) return ['ok', `projects can be made in ${group.fullPath} (${group.visibility})`]
  return ['failed', `${group.fullPath} is there, but the token's owner is no Developer of it: no projects can be made`]
}
