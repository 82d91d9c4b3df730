import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { EXPIRED, REVOKED, type Reply } from './answers.ts'
import { handleApi } from './api.ts'
import { readContract } from './contract.ts'
import { basicPassword, GitRepositories } from './git.ts'
import { type GitLabGroup, type GitLabProject, GitLabState, type Role, type Visibility } from './state.ts'

export interface GitLabRequest {
  readonly method: string
  /** As it was sent, with its query. */
  readonly path: string
  readonly status: number
  /** Undefined for one that GitLab did not know. */
  readonly user: string | undefined
  readonly body: unknown
}

/** How the server misbehaves. */
export interface GitLabFault {
  /** `POST /projects`: the beginning of a method and a path after /api/v4 (decoded); empty: any. */
  readonly on: string
  /** For so many requests; default 1. */
  readonly times?: number
  /** So many requests are answered as they should before. */
  readonly after?: number
  /** Answers so, instead of doing anything; an object is sent as JSON, a string as text. */
  readonly answer?: { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  /** Does what was asked, and then loses its own answer (or gives `answer`). */
  readonly acts?: boolean
  /** Ends the connection (default when there is no `answer`), or never answers. */
  readonly how?: 'close' | 'silent'
  /** Is called first: what somebody else does at that moment. */
  readonly meanwhile?: () => unknown
}

export interface NewToken {
  /** Default: the owner. */
  readonly user?: string
  /** Default `api`. */
  readonly scopes?: readonly string[]
  /** `2026-12-31`; default: never. */
  readonly expiresAt?: string
}

/**
 * A GitLab on a free port of 127.0.0.1: its REST API, as far as it is used here, and its projects'
 * repositories over smart HTTP with the token as password. It keeps what it is told. Every request,
 * and every answer, is held against fixtures/gitlab-openapi.yaml (but for those of python-gitlab):
 * a violation is answered with 418 and makes `close` reject.
 *
 * `const gitlab = await startGitLab({ directory })`, then `gitlab.addGroup('lab/data')`,
 * `GITLAB_TOKEN=${gitlab.token}`, `--gitlab ${gitlab.url}`, and at last `await gitlab.close()`.
 */
export interface GitLabServer {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** A token with the scope api, of the user `owner`, who owns every group that is added. */
  readonly token: string
  readonly state: GitLabState
  /** What was asked for, oldest first; no secrets. */
  readonly requests: readonly GitLabRequest[]
  /** Where somebody did not keep to the contract. */
  readonly violations: string[]
  addUser(name: string): void
  addToken(options?: NewToken): string
  revoke(token: string): void
  /** A day (`2020-01-01`) at whose beginning the token ends. */
  expire(token: string, day: string): void
  /** Adds the group and those above it. `members` have a role in the group beside its owner. */
  addGroup(
    path: string,
    options?: {
      readonly visibility?: Visibility
      readonly members?: Readonly<Record<string, Role>>
      readonly owned?: boolean
    },
  ): GitLabGroup
  addProject(
    path: string,
    options?: { readonly description?: string; readonly visibility?: Visibility; readonly name?: string },
  ): Promise<GitLabProject>
  /** What is at this path now. */
  project(path: string): GitLabProject | undefined
  /** The bare repository of a project. */
  repository(path: string): string
  fault(fault: GitLabFault): void
  /** Forgets faults and requests. */
  reset(): void
  /** Rejects when the contract was violated. */
  close(): Promise<void>
}

export interface GitLabOptions {
  /** Where the repositories are kept. */
  readonly directory: string
}

export async function startGitLab({ directory }: GitLabOptions): Promise<GitLabServer> {
  const contract = await readContract()
  const state = new GitLabState()
  const repositories = new GitRepositories(join(directory, 'repositories'), state)
  await mkdir(join(directory, 'repositories'), { recursive: true })
  const owner = state.addUser('owner')
  const token = state.addToken(owner, ['api']).text
  const violations: string[] = []
  let requests: GitLabRequest[] = []
  let faults: { fault: GitLabFault; skip: number; left: number }[] = []

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => {
      violations.push(`the GitLab of the tests failed: ${error?.stack ?? error}`)
      response.destroy()
    })
  })

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request
    const known = state.tokens.find(({ text }) => text === tokenOf(request))
    const note = (status: number, body?: unknown) =>
      requests.push({ method, path, status, user: known?.user.username, body })
    if (GitRepositories.isFor(path)) {
      const isValid = known !== undefined && refusalOf(known) === undefined && known.user.state === 'active'
      await repositories.serve(request, response, isValid ? known : undefined)
      note(response.statusCode)
      return
    }
    const sent = await readBody(request)
    const fault = takeFault(`${method} ${decodeURIComponent(path).replace(/^\/api\/v4/, '')}`)
    await fault?.meanwhile?.()
    const isForeign = /^python-gitlab/.test(request.headers['user-agent'] ?? '')
    const wrong = isForeign ? undefined : contract.request({ method, path, body: sent })
    if (wrong !== undefined) {
      violations.push(`${method} ${path}: ${wrong}`)
      return send(response, { status: 418, body: wrong, text: true })
    }
    let reply: Reply | undefined
    if (fault === undefined || fault.acts === true || (fault.meanwhile && !fault.answer && !fault.how)) {
      const body = { ...(typeof sent === 'object' ? sent : {}) } as Record<string, unknown>
      const [bare = '', query] = path.replace(/^\/api\/v4/, '').split('?')
      const refused = known && refusalOf(known)
      const shared = { url, state, makeRepository: (project: GitLabProject) => repositories.make(project) }
      const asked = { method, path: bare, query: new URLSearchParams(query), body, token: known }
      reply = refused ?? (await handleApi(asked, shared))
      const own = contract.answer(
        { method, path, body: reply.body },
        reply.status,
        reply.text ? 'text/plain' : JSON_TYPE,
      )
      if (own !== undefined && !isForeign) violations.push(`answer to ${method} ${path}: ${own}`)
    }
    if (fault?.answer !== undefined) {
      const { status, body, headers = {} } = fault.answer
      reply = { status, body: body ?? '', headers, ...(typeof body !== 'object' && { text: true as const }) }
    } else if (fault !== undefined && (fault.how !== undefined || fault.meanwhile === undefined)) {
      note(0, sent)
      if (fault.how !== 'silent') response.destroy()
      return
    }
    if (reply === undefined) throw new Error('no reply')
    note(reply.status, sent)
    send(response, reply)
  }

  function takeFault(asked: string): GitLabFault | undefined {
    const found = faults.find(({ fault, left }) => left > 0 && asked.startsWith(fault.on))
    if (found === undefined) return undefined
    if (found.skip > 0) {
      found.skip -= 1
      return undefined
    }
    found.left -= 1
    return found.fault
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const userOf = (name: string) => {
    const user = state.users.find(({ username }) => username === name)
    if (user === undefined) throw new Error(`no user ${name}`)
    return user
  }
  const tokenWith = (text: string) => {
    const found = state.tokens.find((each) => each.text === text)
    if (found === undefined) throw new Error('no such token')
    return found
  }
  const addGroup: GitLabServer['addGroup'] = (path, { visibility = 'private', members = {}, owned = true } = {}) => {
    const above = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : undefined
    const parent = above === undefined ? undefined : (state.groupAt(above) ?? addGroup(above, { visibility, owned }))
    const group = state.addGroup(path.slice(path.lastIndexOf('/') + 1), parent, visibility)
    if (owned) group.members.set(owner.id, 'owner')
    for (const [name, role] of Object.entries(members)) group.members.set(userOf(name).id, role)
    return group
  }
  return {
    url,
    token,
    state,
    get requests() {
      return requests
    },
    violations,
    addUser: (name) => void state.addUser(name),
    addToken: ({ user = 'owner', scopes = ['api'], expiresAt } = {}) =>
      state.addToken(userOf(user), scopes, expiresAt).text,
    revoke: (text) => {
      tokenWith(text).revoked = true
    },
    expire: (text, day) => {
      tokenWith(text).expiresAt = day
    },
    addGroup,
    addProject: async (path, { description, visibility = 'private', name } = {}) => {
      const [group, last] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)]
      const place = state.groupAt(group) ?? userOf(group)
      const fields = { name: name ?? last, path: last, owner: place, visibility, topics: [] }
      const project = state.addProject({ ...fields, description: description ?? null })
      await repositories.make(project)
      return project
    },
    project: (path) => state.projectAt(path),
    repository: (path) => {
      const project = state.projectAt(path)
      if (project === undefined) throw new Error(`no project ${path}`)
      return repositories.pathOf(project)
    },
    fault: (fault) => void faults.push({ fault, skip: fault.after ?? 0, left: fault.times ?? 1 }),
    reset: () => {
      faults = []
      requests = []
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (violations.length > 0) throw new Error(`the contract with GitLab was violated:\n${violations.join('\n')}`)
    },
  }
}

const JSON_TYPE = 'application/json'

function send(response: http.ServerResponse, { status, body, text, headers }: Reply): void {
  const type = text ? 'text/plain' : JSON_TYPE
  response.writeHead(status, { 'content-type': type, 'x-request-id': randomUUID(), ...headers })
  response.end(text ? String(body) : JSON.stringify(body))
}

function refusalOf({ revoked, expiresAt }: { revoked: boolean; expiresAt: string | null }): Reply | undefined {
  if (revoked) return REVOKED
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? EXPIRED : undefined
}

function tokenOf({ headers }: http.IncomingMessage): string | undefined {
  const [, bearer] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? []
  return bearer ?? basicPassword(headers.authorization) ?? (headers['private-token'] as string | undefined)
}

async function readBody(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (text === '') return undefined
  if (/json/.test(request.headers['content-type'] ?? '')) return JSON.parse(text)
  return Object.fromEntries(new URLSearchParams(text))
}
