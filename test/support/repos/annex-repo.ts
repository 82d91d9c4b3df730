import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Result, type Running, type RunOptions, run, runOk, start } from '../programs/run.ts'
import { hasSharedServices, shared } from '../shared/services.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { agreeToRemotes } from './agree-to-remotes.ts'
import { copyAnnex } from './quick-annex.ts'

export type CommandOptions = Omit<RunOptions, 'cwd'>

/** What `git annex checkpresentkey` says: is the key there, is it not, or is that unknown. */
export type Presence = 'present' | 'absent' | 'unknown'

export interface Asked {
  readonly presence: Presence
  readonly result: Result
}

/**
 * A git repository with an annex. Its commands run with the workspace's environment, or with
 * another one.
 */
export class AnnexRepo {
  readonly workspace: Workspace
  readonly path: string
  /** What every command runs with: environment, user. */
  readonly options: CommandOptions

  constructor(workspace: Workspace, path: string, options: CommandOptions = {}) {
    this.workspace = workspace
    this.path = path
    this.options = { env: workspace.env, ...options }
  }

  /** The same repository, its commands run in another way: with stock ORA, as another user. */
  with(options: CommandOptions): AnnexRepo {
    return new AnnexRepo(this.workspace, this.path, { ...this.options, ...options })
  }

  /** Runs a command that has to succeed. */
  git(...parameters: string[]): Promise<Result> {
    return runOk('git', parameters, { ...this.options, cwd: this.path })
  }

  annex(...parameters: string[]): Promise<Result> {
    return this.git('annex', ...parameters)
  }

  /** `git annex enableremote`, and what its user agrees to then. */
  async enableRemote(name: string, ...settings: string[]): Promise<Result> {
    const result = await this.annex('enableremote', name, ...settings)
    await this.agreeToRemotes()
    return result
  }

  /** Agrees to those that were enabled in another way, which a newer git-annex wants. */
  agreeToRemotes(): Promise<void> {
    return agreeToRemotes(this.path, this.options)
  }

  datalad(...parameters: string[]): Promise<Result> {
    return runOk('datalad', parameters, {
      ...this.options,
      cwd: this.path,
      timeoutMs: this.options.timeoutMs ?? 600_000,
    })
  }

  /** Runs a command that may fail. */
  try(command: string, ...parameters: string[]): Promise<Result> {
    return run(command, parameters, { ...this.options, cwd: this.path })
  }

  tryAnnex(...parameters: string[]): Promise<Result> {
    return this.try('git', 'annex', ...parameters)
  }

  /**
   * Starts git-annex without waiting for it, and without `git` between it and us: signals reach it.
   */
  startAnnex(...parameters: string[]): Running {
    return start('git-annex', parameters, { ...this.options, cwd: this.path })
  }

  async write(file: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.path, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    await this.own()
  }

  /** Gives the repository to the user that its commands run as. */
  async own(): Promise<void> {
    const { user } = this.options
    if (user !== undefined) await runOk('chown', ['-R', `${user.uid}:${user.gid}`, this.path])
  }

  read(file: string): Promise<Buffer> {
    return readFile(join(this.path, file))
  }

  /** Writes files, adds them to the annex and commits them. */
  async add(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [file, content] of Object.entries(files)) await this.write(file, content)
    await this.annex('add', ...Object.keys(files))
    await this.git('commit', '-q', '-m', `Add ${Object.keys(files).length} files`)
  }

  /** Length of a file's content in bytes. */
  async size(file: string): Promise<number> {
    return (await stat(join(this.path, file))).size
  }

  /** The key of a file. A link names it; git-annex is asked only about what is none. */
  async key(file: string): Promise<string> {
    const target = await readlink(join(this.path, file)).catch(() => undefined)
    const [, name] = /\.git\/annex\/objects\/(?:[^/]+\/){3}([^/]+)$/.exec(target ?? '') ?? []
    // In a name these stand for what no file can be named with.
    if (name !== undefined && !/[&%]/.test(name)) return name
    return (await this.annex('lookupkey', file)).stdout.trim()
  }

  /** Asks the remote whether it has the key of a file. */
  async checkPresent(file: string, remote: string): Promise<Asked> {
    return this.checkPresentKey(await this.key(file), remote)
  }

  async checkPresentKey(key: string, remote: string): Promise<Asked> {
    const result = await this.tryAnnex('checkpresentkey', key, remote)
    if (result.status === 0) return { presence: 'present', result }
    // It ends with the same status when there is no such remote.
    if (result.status === 1 && result.stderr.trim() === '') return { presence: 'absent', result }
    if (result.status === 100) return { presence: 'unknown', result }
    throw new Error(`checkpresentkey ended with ${result.signal ?? result.status}: ${result.stderr}`)
  }

  /** True when the content of the file is in this repository, whole or not. */
  async has(file: string): Promise<boolean> {
    const found = await this.annex('find', '--in=here', `--format=${field('file')}\\n`, '--', file)
    return found.stdout.trim() !== ''
  }

  async config(name: string): Promise<string | undefined> {
    const result = await this.try('git', 'config', '--get', name)
    return result.status === 0 ? result.stdout.trim() : undefined
  }

  async setConfig(name: string, value: string): Promise<void> {
    await this.git('config', name, value)
  }

  /** The annex uuid of this repository, or of one of its remotes. */
  async uuid(remote?: string): Promise<string> {
    const uuid = await this.config(remote === undefined ? 'annex.uuid' : `remote.${remote}.annex-uuid`)
    if (uuid === undefined) throw new Error(`no annex uuid of ${remote ?? 'the repository'}`)
    return uuid
  }
}

/** A variable in git-annex's --format. */
export function field(name: string): string {
  return `\${${name}}`
}

/** Makes a repository with an annex in the workspace. */
export async function makeAnnexRepo(
  workspace: Workspace,
  name: string,
  options: CommandOptions = {},
): Promise<AnnexRepo> {
  const repo = new AnnexRepo(workspace, workspace.path(name), options)
  await mkdir(repo.path)
  await repo.own()
  if (hasSharedServices()) {
    await copyAnnex(await shared('annex'), repo.path, name, repo.options, () => repo.own())
  } else {
    await repo.git('init', '-q')
    await repo.annex('init', '-q', name)
  }
  return repo
}

/** Makes a dataset in the workspace, with `datalad create`. */
export async function createDataset(
  workspace: Workspace,
  name: string,
  options: CommandOptions = {},
): Promise<AnnexRepo> {
  const repo = new AnnexRepo(workspace, workspace.path(name), options)
  await runOk('datalad', ['create', repo.path], { ...repo.options, cwd: workspace.directory })
  return repo
}

/** What is in a dataset that `datalad create` made, but for its id. */
const DATASET_FILES = {
  '.datalad/.gitattributes': 'config annex.largefiles=nothing\n',
  '.gitattributes': '* annex.backend=MD5E\n**/.git* annex.largefiles=nothing\n',
}

/** Makes the same as createDataset, several times as quick. */
export async function makeDataset(
  workspace: Workspace,
  name: string,
  options: CommandOptions = {},
): Promise<AnnexRepo> {
  const repo = await makeAnnexRepo(workspace, name, options)
  const config = `[datalad "dataset"]\n\tid = ${randomUUID()}\n`
  const files = { ...DATASET_FILES, '.datalad/config': config }
  for (const [file, content] of Object.entries(files)) await repo.write(file, content)
  await repo.git('add', ...Object.keys(files))
  await repo.git('commit', '-q', '-m', '[DATALAD] new dataset')
  return repo
}

/** Makes a dataset in a dataset and commits it there, as `datalad create -d . <path>` does. */
export async function makeSubdataset(above: AnnexRepo, path: string): Promise<AnnexRepo> {
  const name = relative(above.workspace.directory, join(above.path, path))
  const repo = await makeDataset(above.workspace, name, above.options)
  const set = (key: string, value: string) =>
    above.git('config', '-f', '.gitmodules', `submodule.${path}.${key}`, value)
  await above.git('submodule', '--quiet', 'add', `./${path}`, path)
  await set('datalad-id', await datasetId(repo))
  await above.git('add', '.gitmodules')
  await above.git('commit', '-q', '-m', '[DATALAD] added subdataset')
  return repo
}

/** Returns the id of a DataLad dataset. */
export async function datasetId(repo: AnnexRepo): Promise<string> {
  const result = await repo.git('config', '-f', '.datalad/config', 'datalad.dataset.id')
  return result.stdout.trim()
}

/** Clones a repository with git and makes it an annex. Its origin is not used for content. */
export async function cloneAnnexRepo(from: AnnexRepo, name: string, options: CommandOptions = {}): Promise<AnnexRepo> {
  const repo = new AnnexRepo(from.workspace, from.workspace.path(name), { ...from.options, ...options })
  await mkdir(repo.path)
  await repo.own()
  await repo.git('clone', '-q', from.path, '.')
  await repo.git('config', 'remote.origin.annex-ignore', 'true')
  await repo.annex('init', '-q', name)
  await repo.agreeToRemotes()
  return repo
}

/** Clones with DataLad. */
export async function dataladClone(workspace: Workspace, url: string, name: string, options: CommandOptions = {}) {
  const repo = new AnnexRepo(workspace, workspace.path(name), options)
  await runOk('datalad', ['clone', url, repo.path], { ...repo.options, cwd: workspace.directory })
  await repo.agreeToRemotes()
  return repo
}

/** Files of the kinds that go wrong: small, empty, binary, odd names. */
export function assortedFiles(): Record<string, string | Uint8Array> {
  return {
    'readme.txt': 'a text\n',
    empty: '',
    'with spaces & more.dat': randomBytes(3000),
    'sub dir/Ünïcödé – 例.bin': randomBytes(70_000),
    'large.bin': randomBytes(3 * 1024 * 1024 + 17),
  }
}

export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch {
    return false
  }
}
