import { randomBytes } from 'node:crypto'
import { type ArchiveProgram, installArchiveProgram } from '../programs/archive-program.ts'
import { AnnexRepo, cloneAnnexRepo, field, makeAnnexRepo } from '../repos/annex-repo.ts'
import { addDataset, initRemote, listTree, makeRiaStore, type RiaDatasetFiles } from '../repos/ria-store.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/** A repository whose files are in a store, and `riastore` to get them into clones. */
export interface BulkScene {
  readonly workspace: Workspace
  readonly program: ArchiveProgram
  readonly source: AnnexRepo
  readonly dataset: RiaDatasetFiles
  readonly files: Readonly<Record<string, Buffer>>
  /** A clone that has no content, with the store as its remote `store`. */
  clone(name: string, config?: Readonly<Record<string, string>>): Promise<AnnexRepo>
  /** The same without a work tree. */
  bareClone(name: string): Promise<AnnexRepo>
  remove(): Promise<void>
}

export interface BulkSceneOptions {
  readonly files: Readonly<Record<string, Buffer>>
  /** Of them, those that are not links. */
  readonly unlocked?: readonly string[]
  /** The store's URL, from the path of its directory. */
  readonly url?: (root: string, workspace: Workspace) => Promise<string>
}

export async function makeBulkScene(options: BulkSceneOptions): Promise<BulkScene> {
  const workspace = await makeWorkspace()
  const program = await installArchiveProgram(workspace)
  const store = await makeRiaStore(workspace.path('store'))
  const dataset = await addDataset(workspace, store)
  const source = await makeAnnexRepo(workspace, 'source')
  await source.add(options.files)
  if (options.unlocked !== undefined) {
    await source.annex('unlock', ...options.unlocked)
    await source.git('commit', '-q', '-a', '-m', 'Unlock files')
  }
  const url = (await options.url?.(store.root, workspace)) ?? `ria+file://${store.root}`
  await initRemote(source, url, dataset.id, { name: 'store' })
  await source.annex('copy', '--to', 'store', '-J2', '.')
  return {
    workspace,
    program,
    source,
    dataset,
    files: options.files,
    clone: async (name, config = {}) => {
      const repo = await cloneAnnexRepo(source, name)
      for (const [key, value] of Object.entries(config)) await repo.setConfig(key, value)
      await repo.annex('enableremote', 'store')
      return repo
    },
    bareClone: async (name) => {
      const repo = new AnnexRepo(workspace, workspace.path(name))
      await source.git('clone', '-q', '--bare', source.path, repo.path)
      await repo.annex('init', '-q', name)
      await repo.annex('enableremote', 'store')
      return repo
    },
    remove: () => workspace.remove(),
  }
}

/** Small files in a few directories, and one that is larger. */
export function manyFiles(count: number): Record<string, Buffer> {
  const small = Array.from({ length: count }, (_, i) => [`d${i % 7}/f${i}.bin`, randomBytes(1 + i * 37)] as const)
  return { ...Object.fromEntries(small), empty: Buffer.alloc(0), 'large.bin': randomBytes(3 * 1024 * 1024 + 17) }
}

/** What is below `.git/annex/objects`: kinds, modes and names, without anything that differs from run to run. */
export async function objectTree(repo: AnnexRepo): Promise<string[]> {
  const { stdout } = await repo.git('rev-parse', '--absolute-git-dir')
  const entries = await listTree(`${stdout.trim()}/annex/objects`)
  return entries.map(({ path, kind, mode, size }) =>
    [kind, mode.toString(8), kind === 'file' ? size : '', path].join(' '),
  )
}

/** The repositories that git-annex knows to have a file's content, as `git annex whereis` tells. */
export async function whereis(repo: AnnexRepo, file: string): Promise<string[]> {
  const { stdout } = await repo.annex('whereis', '--json', file)
  const said = JSON.parse(stdout) as { whereis: { uuid: string }[] }
  return said.whereis.map(({ uuid }) => uuid).sort()
}

/** The files whose content is here, by git-annex's records and by what it finds on the disk. */
export async function filesHere(repo: AnnexRepo): Promise<string[]> {
  const { stdout } = await repo.annex('find', '--in=here', `--format=${field('file')}\\000`)
  return stdout.split('\0').slice(0, -1).sort()
}
