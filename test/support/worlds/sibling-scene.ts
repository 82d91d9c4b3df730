import { cp } from 'node:fs/promises'
import { runInProcess } from '../programs/in-process.ts'
import { explain, type Result, type RunOptions, run } from '../programs/run.ts'
import { AnnexRepo } from '../repos/annex-repo.ts'
import { listTree } from '../repos/ria-store.ts'
import type { Workspace } from './workspace.ts'

/** The built program, as the workspace has it. */
export function riastoreProgram(workspace: Workspace): string {
  return workspace.path('programs/package/dist/riastore.js')
}

/** Runs `riastore create-sibling` in a dataset, in this process. */
export function createSibling(repo: AnnexRepo, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const all = { ...repo.options, cwd: repo.path, ...options }
  return runInProcess(riastoreProgram(repo.workspace), ['create-sibling', ...args], all)
}

/** Starts the built program for the same. */
export function startCreateSibling(repo: AnnexRepo, args: readonly string[], options: RunOptions = {}) {
  const parameters = [riastoreProgram(repo.workspace), 'create-sibling', ...args]
  return run(process.execPath, parameters, { ...repo.options, cwd: repo.path, ...options })
}

/** The same, and it has to succeed. */
export async function created(repo: AnnexRepo, ...args: string[]): Promise<Result> {
  const result = await createSibling(repo, args)
  if (result.status !== 0) throw new Error(explain(result))
  return result
}

/** Makes the sibling `store`, and brings content and history there, as `datalad push` does. */
export async function published(repo: AnnexRepo, ...args: string[]): Promise<void> {
  await created(repo, ...args)
  await repo.annex('copy', '--to', 'store-storage', '.')
  await repo.git('push', '-q', 'store', 'main', 'git-annex')
}

/** The very same repository, annex uuid and all. */
export async function copyOf(repo: AnnexRepo, name: string): Promise<AnnexRepo> {
  const path = repo.workspace.path(name)
  await cp(repo.path, path, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  return new AnnexRepo(repo.workspace, path, repo.options)
}

/** What a repository says of its siblings, without what differs from one run to the next. */
export async function settingsOf(repo: AnnexRepo, rename: readonly (readonly [string, string])[] = []) {
  const renamed = (text: string) => rename.reduce((all, [from, to]) => (from ? all.replaceAll(from, to) : all), text)
  const config = await repo.git('config', '--local', '--list')
  const log = async (name: string) => {
    const shown = await repo.try('git', 'show', `git-annex:${name}`)
    return renamed(shown.stdout)
      .split('\n')
      .map((line) => line.replace(/ timestamp=.*/, ''))
      .filter((line) => line !== '')
      .sort()
  }
  return {
    config: renamed(config.stdout)
      .split('\n')
      .filter((line) => line.startsWith('remote.'))
      .sort(),
    remoteLog: await log('remote.log'),
    trustLog: await log('trust.log'),
  }
}

/**
 * git-annex asks the special remote for these when it first uses it (DataLad does so at once), or
 * sets them when it enables it.
 */
export function withoutAsked({ config, ...others }: Awaited<ReturnType<typeof settingsOf>>) {
  return { ...others, config: config.filter((line) => !/annex-(cost|availability|ignore=false)/.test(line)) }
}

export interface StoredTree {
  /** Kind, mode, group and target by path. */
  readonly files: Readonly<Record<string, string>>
  /** git's configuration of the dataset. */
  readonly config: readonly string[]
}

/** A store on this machine: its tree, and the configuration of a repository in it. */
export async function storedTree(
  repo: AnnexRepo,
  root: string,
  directory: string,
  uuid: string | undefined,
): Promise<StoredTree> {
  const files: Record<string, string> = {}
  for (const { path, kind, mode, gid, target } of await listTree(root)) {
    files[path] = [kind, mode.toString(8), gid, ...(target === undefined ? [] : [target])].join(' ')
  }
  const config = await repo.try('git', 'config', '--file', `${root}/${directory}/config`, '--list')
  const lines = config.stdout.split('\n').filter((line) => line !== '')
  return { files, config: lines.map((line) => (uuid ? line.replaceAll(uuid, 'UUID') : line)).sort() }
}
