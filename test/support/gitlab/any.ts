import { randomBytes } from 'node:crypto'
import { type GitLabServer, startGitLab } from './server.ts'

/** A GitLab that the end-to-end tests may use, and a group in it. */
export interface AnyGitLab {
  readonly url: string
  /** Scope api, of somebody who may make projects and subgroups in the group. */
  readonly token: string
  readonly group: string
  /** The one of the tests; undefined when RIASTORE_TEST_GITLAB_URL names another. */
  readonly server: GitLabServer | undefined
  /** A name that no earlier run has used: a deleted project may keep its name for a month. */
  newName(): string
  /** A project as the API has it, or undefined. */
  project(path: string): Promise<Readonly<Record<string, unknown>> | undefined>
  /** Removes the projects and groups that were made under new names. */
  close(): Promise<void>
}

/**
 * The GitLab of the tests, started for this file; or the real one that RIASTORE_TEST_GITLAB_URL,
 * RIASTORE_TEST_GITLAB_TOKEN and RIASTORE_TEST_GITLAB_GROUP name: all three together. What is made
 * there is deleted at the end.
 */
export async function anyGitLab(directory: string): Promise<AnyGitLab> {
  const { RIASTORE_TEST_GITLAB_URL: given, RIASTORE_TEST_GITLAB_TOKEN, RIASTORE_TEST_GITLAB_GROUP } = process.env
  if (given && !(RIASTORE_TEST_GITLAB_TOKEN && RIASTORE_TEST_GITLAB_GROUP)) {
    throw new Error('RIASTORE_TEST_GITLAB_URL needs RIASTORE_TEST_GITLAB_TOKEN and RIASTORE_TEST_GITLAB_GROUP')
  }
  const server = given ? undefined : await startGitLab({ directory })
  server?.addGroup('lab')
  const url = (given || server?.url || '').replace(/\/+$/, '')
  const token = (given ? RIASTORE_TEST_GITLAB_TOKEN : server?.token) ?? ''
  const group = (given ? RIASTORE_TEST_GITLAB_GROUP : 'lab') ?? ''
  const names: string[] = []
  const ask = (path: string, method = 'GET') =>
    fetch(`${url}/api/v4${path}`, { method, redirect: 'manual', headers: { authorization: `Bearer ${token}` } })
  const remove = async (path: string) => {
    await (await ask(`/projects/${encodeURIComponent(path)}`, 'DELETE')).text()
    // Below a new name there may be a group instead.
    if (server === undefined) await (await ask(`/groups/${encodeURIComponent(path)}`, 'DELETE')).text()
  }
  return {
    url,
    token,
    group,
    server,
    newName: () => {
      const name = `riastore-test-${randomBytes(6).toString('hex')}`
      names.push(name)
      return name
    },
    project: async (path) => {
      const answer = await ask(`/projects/${encodeURIComponent(path)}`)
      if (answer.status !== 200) return undefined
      return (await answer.json()) as Record<string, unknown>
    },
    close: async () => {
      if (server === undefined) for (const name of names) await remove(`${group}/${name}`)
      await server?.close()
    },
  }
}
