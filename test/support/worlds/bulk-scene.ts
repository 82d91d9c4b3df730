import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { mountSmallDisk, type SmallDisk } from '../faults/small-disk.ts'
import { type ArchiveProgram, installArchiveProgram } from '../programs/archive-program.ts'
import { explain, type Result } from '../programs/run.ts'
import { AnnexRepo, cloneAnnexRepo, field, makeAnnexRepo } from '../repos/annex-repo.ts'
import { renewAnnex } from '../repos/quick-annex.ts'
import { addDataset, addRemote, initRemote, listTree, makeRiaStore, type RiaDatasetFiles } from '../repos/ria-store.ts'
import { startSshd } from '../servers/sshd.ts'
import { type StallProxy, startStallProxy } from '../servers/stall-proxy.ts'
import { makeS3Scene, type S3Scene } from './s3-scene.ts'
import { copyOf } from './sibling-scene.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/** A repository whose files are in a store, and `riastore` to get them into clones. */
export interface BulkScene {
  readonly workspace: Workspace
  readonly program: ArchiveProgram
  readonly source: AnnexRepo
  /** The URL of the store. */
  readonly url: string
  readonly datasetId: string
  /** With what the programs need to reach the store. */
  readonly env: NodeJS.ProcessEnv
  /** The dataset's files, where the store is on a disk. */
  readonly dataset: RiaDatasetFiles
  /** What stands between the programs and the store, where that is in S3. */
  readonly s3: S3Scene | undefined
  /** The same, where it is behind SSH and `misbehaves` was asked for. */
  readonly network: StallProxy | undefined
  /** That the store is on, where one was asked for. */
  readonly disk: SmallDisk | undefined
  /** Runs `riastore` in a repository. */
  riastore(repo: AnnexRepo, ...args: string[]): Promise<Result>
  /** A clone that has no content, with the store as its remote `store`. */
  clone(name: string, config?: Readonly<Record<string, string>>): Promise<AnnexRepo>
  /** The same without a work tree. */
  bareClone(name: string): Promise<AnnexRepo>
  remove(): Promise<void>
}

export type BulkStore = 'file' | 'ssh' | 's3'

export interface BulkSceneOptions {
  /** Where the store is. Default: on the disk. */
  readonly store?: BulkStore
  readonly files: Readonly<Record<string, Uint8Array>>
  /** Of them, those that are not links. */
  readonly unlocked?: readonly string[]
  /** The store has the files. Default: yes. */
  readonly filled?: boolean
  /** The network to a store behind SSH can be made to. */
  readonly misbehaves?: boolean
  /** The store gets a disk of this size of its own, as mount(8) has it. Only root can do that. */
  readonly diskSize?: string
}

export async function makeBulkScene(options: BulkSceneOptions): Promise<BulkScene> {
  const { store: kind = 'file', files, unlocked, filled = true } = options
  const workspace = await makeWorkspace()
  const program = await installArchiveProgram(workspace)
  const disk = options.diskSize === undefined ? undefined : await mountSmallDisk(workspace, 'disk', options.diskSize)
  const store = await makeRiaStore(`${disk?.path ?? workspace.directory}/store`)
  const dataset = await addDataset(workspace, store)
  const s3 = kind === 's3' ? await makeS3Scene(workspace) : undefined
  await s3?.addDataset(dataset.id)
  const env = s3?.env ?? workspace.env
  const sshd = kind === 'ssh' ? await startSshd(workspace) : undefined
  const network = sshd !== undefined && options.misbehaves ? await startStallProxy(sshd.port) : undefined
  if (network !== undefined) workspace.onRemove(() => network.stop())
  const host = network === undefined ? sshd?.alias : await sshd?.addAlias('through-proxy', { Port: network.port })
  const url = s3?.url ?? (host === undefined ? `ria+file://${store.root}` : `ria+ssh://${host}${store.root}`)
  const source = await makeAnnexRepo(workspace, 'source', { env })
  await source.add(files)
  if (unlocked !== undefined) {
    await source.annex('unlock', ...unlocked)
    await source.git('commit', '-q', '-a', '-m', 'Unlock files')
  }
  // In S3 git-annex has to be asked for credentials.
  await (s3 === undefined ? addRemote : initRemote)(source, url, dataset.id)
  if (filled) await source.annex('copy', '--to', 'store', '-J2', '.')
  await source.annex('merge')
  /** AWS keys go to a server that the clone's user named, and to no other. */
  const enable = async (repo: AnnexRepo) => {
    if (s3 !== undefined) await repo.setConfig('remote.store.riastore-s3-endpoint', url)
    await repo.enableRemote('store')
  }
  /** Clones to be copied, which is quicker than to make one, by what they were made of. */
  const templates = new Map<string, Promise<AnnexRepo>>()
  const makeTemplate = async (number: number) => {
    const repo = await cloneAnnexRepo(source, `template-${number}`)
    await enable(repo)
    return repo
  }
  const template = async (): Promise<AnnexRepo> => {
    const { stdout: state } = await source.git('rev-parse', 'HEAD', 'git-annex')
    const made = templates.get(state) ?? makeTemplate(templates.size)
    templates.set(state, made)
    return made
  }
  return {
    workspace,
    program,
    source,
    url,
    datasetId: dataset.id,
    env,
    dataset,
    s3,
    network,
    disk,
    // What takes more than half a minute, on a busy machine, would tell how far it is.
    riastore: (repo, command = '', ...args) =>
      program.run([command, '--no-progress', ...args], { cwd: repo.path, env }),
    clone: async (name, config = {}) => {
      const repo = await copyOf(await template(), name)
      await renewAnnex(repo.path, name, repo.options)
      for (const [key, value] of Object.entries(config)) await repo.setConfig(key, value)
      return repo
    },
    bareClone: async (name) => {
      const repo = new AnnexRepo(workspace, workspace.path(name), { env })
      await source.git('clone', '-q', '--bare', source.path, repo.path)
      await repo.annex('init', '-q', name)
      await enable(repo)
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

/**
 * What is below `.git/annex/objects`: kinds, modes and names, without anything that differs from
 * run to run.
 */
export async function objectTree(repo: AnnexRepo): Promise<string[]> {
  const { stdout } = await repo.git('rev-parse', '--absolute-git-dir')
  const entries = await listTree(`${stdout.trim()}/annex/objects`)
  return entries.map(({ path, kind, mode, size }) =>
    [kind, mode.toString(8), kind === 'file' ? size : '', path].join(' '),
  )
}

/** The repositories that git-annex knows to have a file's content, as `git annex whereis` tells. */
export async function whereis(repo: AnnexRepo, file: string): Promise<readonly string[]> {
  const found = (await whereAll(repo, file)).get(file)
  if (found === undefined) throw new Error(`git-annex does not know ${file}`)
  return found
}

/** The same of several files, or of all, by one run of git-annex. */
export async function whereAll(repo: AnnexRepo, ...files: string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  // It ends with 1 when one of them is nowhere.
  const { stdout } = await repo.tryAnnex('whereis', '--json', ...files)
  const said = stdout.split('\n').filter((line) => line.startsWith('{'))
  return new Map(
    said.map((line) => {
      const { file, whereis } = JSON.parse(line) as { file: string; whereis: { uuid: string }[] }
      return [file, whereis.map(({ uuid }) => uuid).sort()]
    }),
  )
}

/** The files whose content is here, by git-annex's records and by what it finds on the disk. */
export async function filesHere(repo: AnnexRepo): Promise<string[]> {
  const { stdout } = await repo.annex('find', '--in=here', `--format=${field('file')}\\000`)
  return stdout.split('\0').slice(0, -1).sort()
}

/**
 * Fails unless all files are in a repository, and everything that git-annex and git can check is as
 * it should be.
 */
export async function expectAllHere(repo: AnnexRepo, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  expect(await filesHere(repo)).toEqual(Object.keys(files).sort())
  for (const [name, content] of Object.entries(files)) expect((await repo.read(name)).equals(content), name).toBe(true)
  const fsck = await repo.tryAnnex('fsck')
  expect([fsck.status, fsck.stdout.includes('fixing location log')], explain(fsck)).toEqual([0, false])
  expect((await repo.git('status', '--short')).stdout).toBe('')
}
