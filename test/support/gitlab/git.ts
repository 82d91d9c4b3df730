import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { systemPath } from '../programs/programs.ts'
import { runOk } from '../programs/run.ts'
import { type GitLabProject, type GitLabState, type GitLabToken, ROLES } from './state.ts'

const DENIED =
  'HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect. ' +
  'If a token was provided, it was either incorrect, expired, or improperly scoped.\n'

/** The projects' repositories, and git's smart HTTP protocol for them. */
export class GitRepositories {
  readonly #directory: string
  readonly #state: GitLabState
  readonly #env: NodeJS.ProcessEnv

  constructor(directory: string, state: GitLabState) {
    this.#directory = directory
    this.#state = state
    this.#env = { PATH: systemPath, HOME: directory, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C.UTF-8' }
  }

  /** Where the bare repository of a project lies. */
  pathOf({ id }: GitLabProject): string {
    return join(this.#directory, `${id}.git`)
  }

  async make(project: GitLabProject): Promise<void> {
    const path = this.pathOf(project)
    await runOk('git', ['init', '-q', '--bare', '--initial-branch=main', path], { env: this.#env })
    await runOk('git', ['--git-dir', path, 'config', 'http.receivepack', 'true'], { env: this.#env })
  }

  /** Whether a request is one for a repository. */
  static isFor(url: string): boolean {
    return /^\/[^?]+\.git\/(info\/refs|git-upload-pack|git-receive-pack|HEAD|objects\/)/.test(url)
  }

  /** Answers such a request. `token` is the one that came as password, if GitLab knows it. */
  async serve(request: IncomingMessage, response: ServerResponse, token: GitLabToken | undefined): Promise<void> {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const [, repository = '', rest = ''] = /^\/(.+?)\.git(\/.*)$/.exec(path) ?? []
    const end = (status: number, text: string, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(text)
    }
    const full = decodeURIComponent(repository)
    const there = this.#state.projectAt(full) ?? this.#state.redirects.get(full.toLowerCase())
    const pushes = rest === '/git-receive-pack' || query.includes('git-receive-pack')
    const isAnonymous = token === undefined && !pushes && there?.visibility === 'public'
    if (!isAnonymous && token === undefined) return end(401, DENIED, { 'www-authenticate': 'Basic realm="GitLab"' })
    if (token !== undefined && !mayUse(token, pushes)) {
      return end(403, 'remote: You are not allowed to do that: the token lacks the scope.\n')
    }
    const project = there ?? (pushes && token ? await this.#madeByPush(full, token) : undefined)
    if (project === undefined || !this.#state.sees(token?.user, project)) {
      return end(404, 'The project you were looking for could not be found or you do not have permission to view it.\n')
    }
    if (pushes && this.#state.levelOf(token?.user, project) < ROLES.developer) {
      return end(403, 'You are not allowed to push code to this project.\n')
    }
    if (pushes && project.archived) return end(403, 'This project is archived.\n')
    await this.#backend(request, response, project, rest, query, token?.user.username)
    if (rest === '/git-receive-pack') await this.#afterPush(project)
    // Whoever pushed finds the project as the push left it.
    response.end()
  }

  /** A push to a path where nothing is makes a private project there, for those who may. */
  async #madeByPush(path: string, { user }: GitLabToken): Promise<GitLabProject | undefined> {
    const [above, name] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)]
    const owner = this.#state.groupAt(above) ?? (above === user.username ? user : undefined)
    if (owner === undefined || this.#state.levelOf(user, owner) < ROLES.developer) return undefined
    const fields = { name, path: name, owner, visibility: 'private' as const, description: null, topics: [] }
    const project = this.#state.addProject(fields)
    await this.make(project)
    return project
  }

  #backend(
    request: IncomingMessage,
    response: ServerResponse,
    project: GitLabProject,
    rest: string,
    query: string,
    user: string | undefined,
  ): Promise<void> {
    const { headers, method } = request
    const env: NodeJS.ProcessEnv = {
      ...this.#env,
      GIT_PROJECT_ROOT: this.#directory,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: `/${project.id}.git${rest}`,
      QUERY_STRING: query,
      REQUEST_METHOD: method,
      CONTENT_TYPE: headers['content-type'] ?? '',
      REMOTE_ADDR: '127.0.0.1',
      ...(user && { REMOTE_USER: user }),
      ...(headers['content-length'] && { CONTENT_LENGTH: headers['content-length'] }),
      ...(headers['content-encoding'] && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
      ...(headers['git-protocol'] && { GIT_PROTOCOL: String(headers['git-protocol']) }),
    }
    return new Promise((resolve, reject) => {
      const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
      child.on('error', reject)
      child.stdin.on('error', () => {})
      request.pipe(child.stdin)
      let head = Buffer.alloc(0)
      let isBody = false
      child.stdout.on('data', (chunk: Buffer) => {
        if (isBody) return void response.write(chunk)
        head = Buffer.concat([head, chunk])
        const at = head.indexOf('\r\n\r\n')
        if (at < 0) return
        isBody = true
        const lines = head.subarray(0, at).toString().split('\r\n')
        const fields = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
        const status = fields.find(([name]) => name?.toLowerCase() === 'status')?.[1]
        response.writeHead(Number.parseInt(status ?? '200', 10), Object.fromEntries(fields))
        response.write(head.subarray(at + 4))
      })
      child.on('close', () => {
        if (!isBody) response.writeHead(500)
        resolve()
      })
    })
  }

  /**
   * The first push decides which branch is the default: the usual one when it came along, else any.
   */
  async #afterPush(project: GitLabProject): Promise<void> {
    if (project.defaultBranch !== null) return
    const git = (...args: string[]) =>
      runOk('git', ['--git-dir', this.pathOf(project), ...args], { env: this.#env }).then(({ stdout }) => stdout.trim())
    const branches = (await git('for-each-ref', '--format=%(refname:short)', 'refs/heads')).split('\n').filter(Boolean)
    const branch = branches.includes('main') ? 'main' : branches[0]
    if (branch === undefined) return
    project.defaultBranch = branch
    await git('symbolic-ref', 'HEAD', `refs/heads/${branch}`)
  }
}

function mayUse({ scopes }: GitLabToken, pushes: boolean): boolean {
  return ['api', 'write_repository', ...(pushes ? [] : ['read_repository'])].some((scope) => scopes.includes(scope))
}

/** The password of a Basic authorization. */
export function basicPassword(authorization: string | undefined): string | undefined {
  const [, encoded] = /^Basic (.+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) : undefined
}
