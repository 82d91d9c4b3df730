import { randomUUID } from 'node:crypto'
import { lstat, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runOk } from '../programs/run.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { type AnnexRepo, field } from './annex-repo.ts'
import { recordRemote } from './quick-annex.ts'

export interface RiaStore {
  readonly root: string
  dataset(id: string): RiaDatasetFiles
}

/** A dataset in a store, as files. */
export interface RiaDatasetFiles {
  readonly id: string
  readonly path: string
  /** Where the content of a key has to lie, by git-annex's own account of its hash directories. */
  keyFile(repo: AnnexRepo, key: string, layout?: '1' | '2'): Promise<string>
  /** The keys that lie in the store as files of their own, by their file names, sorted. */
  keys(): Promise<string[]>
  /** Everything below the dataset that is neither a key nor git's: temporary files, say. */
  strays(): Promise<string[]>
}

export interface StoreOptions {
  /** What the store's ria-layout-version holds. */
  readonly version?: string
}

export interface DatasetOptions {
  readonly id?: string
  /** What the dataset's ria-layout-version holds. */
  readonly version?: string
  readonly alias?: string
  /** As git's core.sharedRepository has it. */
  readonly shared?: string
}

/** Makes a store by hand, as `datalad create-sibling-ria --new-store-ok` does. */
export async function makeRiaStore(root: string, options: StoreOptions = {}): Promise<RiaStore> {
  await mkdir(join(root, 'error_logs'), { recursive: true })
  await writeFile(join(root, 'ria-layout-version'), `${options.version ?? '1'}\n`)
  return openRiaStore(root)
}

export function openRiaStore(root: string): RiaStore {
  return { root, dataset: (id) => datasetFiles(root, id) }
}

/** Adds an empty dataset to a store. */
export async function addDataset(
  workspace: Workspace,
  store: RiaStore,
  options: DatasetOptions = {},
): Promise<RiaDatasetFiles> {
  const id = options.id ?? randomUUID()
  const path = join(store.root, id.slice(0, 3), id.slice(3))
  await mkdir(path, { recursive: true })
  const shared = options.shared === undefined ? [] : [`--shared=${options.shared}`]
  await runOk('git', ['init', '-q', '--bare', ...shared, path], { env: workspace.env })
  await writeFile(join(path, 'ria-layout-version'), `${options.version ?? '2'}\n`)
  // Left by create-sibling-ria, and looked for by DataLad.
  await mkdir(join(path, 'annex/objects'), { recursive: true })
  await mkdir(join(path, 'archives'), { recursive: true })
  if (options.alias !== undefined) {
    await mkdir(join(store.root, 'alias'), { recursive: true })
    await symlink(`../${id.slice(0, 3)}/${id.slice(3)}`, join(store.root, 'alias', options.alias))
  }
  return store.dataset(id)
}

function datasetFiles(root: string, id: string): RiaDatasetFiles {
  const path = join(root, id.slice(0, 3), id.slice(3))
  const files = async (directory: string) =>
    (await listTree(join(path, directory))).filter((entry) => entry.kind !== 'directory')
  return {
    id,
    path,
    keyFile: async (repo, key, layout = '2') => {
      const format = field(layout === '1' ? 'hashdirlower' : 'hashdirmixed')
      const hashDirectory = (await repo.annex('examinekey', key, '--format', format)).stdout.trim()
      const name = escapeKey(key)
      return join(path, 'annex/objects', hashDirectory, name, name)
    },
    keys: async () => (await files('annex/objects')).map((entry) => entry.path.replace(/^.*\//, '')).sort(),
    strays: async () => {
      const git =
        /^(HEAD|config|description|hooks|info|objects|refs|branches|packed-refs|ria-layout-version|config\.dataladlock)(\/|$)/
      const annex = /^annex\/objects(\/|$)|^archives$/
      const all = await listTree(path)
      return all
        .filter((entry) => entry.kind !== 'directory')
        .map((entry) => entry.path)
        .filter((file) => !git.test(file) && !annex.test(file))
    },
  }
}

/** git-annex's name for a key's file. */
export function escapeKey(key: string): string {
  return key.replaceAll('&', '&a').replaceAll('%', '&s').replaceAll(':', '&c').replaceAll('/', '%')
}

export interface TreeEntry {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link'
  readonly size: number
  /** Permission bits with set-user-id, set-group-id and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeMs: number
  readonly target?: string
}

/** Lists everything below a directory, sorted by path; nothing when it is missing. */
export async function listTree(root: string): Promise<TreeEntry[]> {
  const found: TreeEntry[] = []
  const walk = async (directory: string): Promise<void> => {
    for (const name of await readdir(directory)) {
      const path = join(directory, name)
      const stat = await lstat(path)
      const { size, mode, uid, gid, mtimeMs } = stat
      const kind = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'directory' : 'file'
      const target = kind === 'link' ? { target: await readlink(path) } : {}
      found.push({ path: relative(root, path), kind, size, mode: mode & 0o7777, uid, gid, mtimeMs, ...target })
      if (kind === 'directory') await walk(path)
    }
  }
  try {
    await walk(root)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

export interface RemoteOptions {
  readonly name?: string
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Makes a storage sibling for a dataset in a store, as create-sibling-ria does:
 * `git annex initremote … externaltype=ora`.
 */
export async function initRemote(
  repo: AnnexRepo,
  url: string,
  id: string,
  options: RemoteOptions = {},
): Promise<string> {
  const name = options.name ?? 'store'
  const settings = { ...settingsOf(url, id), ...options.settings }
  await repo.annex('initremote', name, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`))
  return name
}

function settingsOf(url: string, id: string) {
  return { type: 'external', externaltype: 'ora', encryption: 'none', 'archive-id': id, url }
}

/**
 * Leaves what initRemote leaves, for tests that are about something else: git-annex starts the
 * program three times, and git twenty times.
 */
export async function addRemote(repo: AnnexRepo, url: string, id: string, name = 'store'): Promise<string> {
  await recordRemote(repo.path, repo.options, { name, settings: settingsOf(url, id) })
  return name
}
