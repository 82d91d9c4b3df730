import { chmod, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type GitLabServer, startGitLab } from '../gitlab/server.ts'
import { writeWrapper } from '../programs/programs.ts'
import { type Result, run, runOk } from '../programs/run.ts'
import { AnnexRepo, type CommandOptions, sha256 } from '../repos/annex-repo.ts'
import { useTestS3, withAccount } from '../servers/s3.ts'
import { startSshd } from '../servers/sshd.ts'
import { makeWorkspace, removeTree, type Workspace } from './workspace.ts'

export const GROUP = 'lab/data'

export type Scheme = 'file' | 'ssh' | 'sftp' | 's3'

/** A researcher's machine with riastore installed, a GitLab, and places for stores. */
export interface SiteScene {
  readonly workspace: Workspace
  readonly gitlab: GitLabServer
  /** With a token for GitLab, which git is given too, and a system configuration of its own. */
  readonly env: NodeJS.ProcessEnv
  /** URL of an empty store, made with riastore init. */
  makeStore(scheme: Scheme, name: string): Promise<string>
  riastore(...args: string[]): Promise<Result>
  /** Makes a site with the store and GitLab. */
  addSite(name: string, store: string, ...more: string[]): Promise<void>
  /** Runs `datalad` where there is no dataset. */
  datalad(...args: string[]): Promise<Result>
  repo(name: string, options?: CommandOptions): AnnexRepo
}

/** In a workspace of its own, if none is given. Everything goes with the workspace. */
export async function makeSiteScene(given?: Workspace): Promise<SiteScene> {
  const workspace = given ?? (await makeWorkspace())
  const gitlab = await startGitLab({ directory: workspace.path('gitlab') })
  workspace.onRemove(() => gitlab.close())
  gitlab.addGroup(GROUP)
  const programs = workspace.path('programs')
  await writeWrapper(programs, 'riastore', [process.execPath, join(programs, 'package/dist/riastore.js')])
  const { GIT_CONFIG_NOSYSTEM: _none, ...rest } = workspace.env
  await mkdir(workspace.path('etc'))
  const env: NodeJS.ProcessEnv = {
    ...rest,
    GITLAB_TOKEN: gitlab.token,
    GIT_CONFIG_SYSTEM: workspace.path('etc/gitconfig'),
    XDG_CONFIG_DIRS: workspace.path('etc/xdg'),
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const riastore = (...args: string[]) => runOk('riastore', args, { env, cwd: workspace.directory })
  const helper = '!f() { echo username=oauth2; echo "password=$GITLAB_TOKEN"; }; f'
  await runOk('git', ['config', '--global', `credential.${gitlab.url}.helper`, helper], { env })
  const bases = new Map<Scheme, Promise<string>>()
  return {
    workspace,
    gitlab,
    env,
    riastore,
    makeStore: async (scheme, name) => {
      const base = bases.get(scheme) ?? baseOf(scheme, workspace, env)
      bases.set(scheme, base)
      const url = `${await base}/${name}`
      await riastore('init', url)
      return url
    },
    addSite: async (name, store, ...more) => {
      const options = ['--store', store, '--gitlab', gitlab.url, '--gitlab-group', GROUP]
      await riastore('site', 'add', name, ...options, ...more)
    },
    datalad: (...args) => runOk('datalad', args, { env, cwd: workspace.directory }),
    repo: (name, options) => new AnnexRepo(workspace, workspace.path(name), { env, ...options }),
  }
}

/** A place below which stores can be made; its credentials are put into the environment. */
async function baseOf(scheme: Scheme, workspace: Workspace, env: NodeJS.ProcessEnv): Promise<string> {
  switch (scheme) {
    case 'file':
      return `ria+file://${workspace.path('stores')}`
    case 'ssh':
      return `ria+ssh://${(await startSshd(workspace)).alias}${workspace.path('stores-ssh')}`
    case 'sftp': {
      // sshd wants every directory above it to be root's alone, which the usual place for temporary
      // files is not.
      const chroot = await mkdtemp('/run/riastore-')
      workspace.onRemove(() => removeTree(chroot))
      await chmod(chroot, 0o755)
      await mkdir(join(chroot, 'theirs'))
      await runOk('chown', ['nobody', join(chroot, 'theirs')])
      const { alias } = await startSshd(workspace, { user: 'nobody', sftpOnly: { chroot } })
      return `ria+sftp://${alias}/theirs`
    }
    case 's3': {
      const { endpoint, bucket, account } = await useTestS3()
      Object.assign(env, withAccount({}, account))
      return `ria+s3+${endpoint}/${bucket}/site`
    }
  }
}

/** The checksums of files of a repository, by name. */
export async function checksums(repo: AnnexRepo, files: readonly string[]): Promise<Record<string, string>> {
  const pairs = files.map(async (file) => [file, await sha256(join(repo.path, file))] as const)
  return Object.fromEntries(await Promise.all(pairs))
}

/**
 * The files below directories that hold a secret. What programs keep for their own use is looked
 * at, too.
 */
export async function filesWith(secret: string, ...directories: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const directory of directories) {
    const names = await readdir(directory, { recursive: true, withFileTypes: true })
    for (const entry of names) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      if ((await readFile(file)).includes(secret)) found.push(file)
    }
  }
  return found
}

/** Runs a command that may fail. */
export function tryIn(repo: AnnexRepo, ...command: readonly [string, ...string[]]): Promise<Result> {
  const [program, ...args] = command
  return run(program, args, { ...repo.options, cwd: repo.path })
}
