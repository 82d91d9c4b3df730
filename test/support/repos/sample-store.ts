import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Keys, makeKeys, makeOddKeys, putKeys } from '../programs/archive-program.ts'
import { runOk } from '../programs/run.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { addDataset, listTree, makeRiaStore, type RiaDatasetFiles, type RiaStore } from './ria-store.ts'

/** A store on disk with all that a store can have, made by git and by hand. */
export interface SampleStore {
  readonly store: RiaStore
  /** Has a history, a tag, an alias, loose keys, and `sub` as a subdataset. */
  readonly top: RiaDatasetFiles
  readonly sub: RiaDatasetFiles
  readonly keys: Keys
}

export async function makeSampleStore(workspace: Workspace, name: string, keys = 60): Promise<SampleStore> {
  const store = await makeRiaStore(workspace.path(name))
  const sub = await addDataset(workspace, store, { id: randomUUID(), shared: 'group' })
  const top = await addDataset(workspace, store, { id: randomUUID(), alias: 'study' })
  // As create-sibling leaves it.
  await runOk('git', ['-C', top.path, 'config', 'datalad.ora-remote.uuid', randomUUID()], { env: workspace.env })
  const module = `[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tdatalad-id = ${sub.id}\n`
  await commit(workspace, top, { 'README.md': '# A study\n', '.gitmodules': module })
  await runOk('git', ['-C', top.path, 'tag', '-a', '-m', 'one', 'v1', 'main'], { env: workspace.env })
  await runOk('git', ['-C', top.path, 'gc', '-q'], { env: workspace.env })
  await commit(workspace, top, { 'CHANGES.md': 'more\n' })
  await commit(workspace, sub, { 'README.md': '# Data\n' })
  const made = new Map([...makeKeys(keys), ...makeOddKeys()])
  await putKeys(top, made)
  await putKeys(sub, makeKeys(20))
  return { store, top, sub, keys: made }
}

/** Adds a commit to `main`, and one to `git-annex`, of a bare repository. */
export async function commit(
  workspace: Workspace,
  dataset: RiaDatasetFiles,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  await commitTo(workspace, dataset, 'git-annex', { [`${randomUUID()}.log`]: `1s 1 ${randomUUID()}\n` })
  return commitTo(workspace, dataset, 'main', files)
}

/** Adds a commit with new files to a branch. */
export async function commitTo(
  { env }: Workspace,
  { path }: RiaDatasetFiles,
  branch: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const git = async (args: readonly string[], input = '') =>
    (await runOk('git', ['-C', path, ...args], { env, input })).stdout.trim()
  const before = await git(['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`])
  const lines = before === '' ? [] : (await git(['ls-tree', before])).split('\n')
  for (const [name, text] of Object.entries(files)) {
    lines.push(`100644 blob ${await git(['hash-object', '-w', '--stdin'], text)}\t${name}`)
  }
  const tree = await git(['mktree'], `${lines.join('\n')}\n`)
  const id = await git(['commit-tree', '-m', 'a change', ...(before === '' ? [] : ['-p', before]), tree])
  await git(['update-ref', `refs/heads/${branch}`, id])
  return id
}

/** What git itself keeps: it is compared by git. */
const GITS = /^(HEAD|packed-refs|info|objects|refs|branches|hooks|logs|riastore|gc\.log)(\/|$)/

/** Checksums of all files of a dataset that are not git's own, by their paths. */
export async function contentOf({ path }: RiaDatasetFiles): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await listTree(path)) {
    if (entry.kind === 'directory' || GITS.test(entry.path)) continue
    found[entry.path] = createHash('sha256')
      .update(await readFile(join(path, entry.path)))
      .digest('hex')
  }
  return found
}

/** All refs and all objects that they need, after git found nothing wrong. */
export async function historyOf({ env }: Workspace, { path }: RiaDatasetFiles): Promise<string> {
  const git = async (...args: string[]) => (await runOk('git', ['-C', path, ...args], { env })).stdout
  await git('fsck', '--full', '--strict')
  const head = await git('symbolic-ref', 'HEAD')
  const objects = (await git('rev-list', '--objects', '--all')).split('\n').sort().join('\n')
  return `${head}${await git('for-each-ref')}${objects}`
}

/** Writes a file with all directories above it. */
export async function writeAt(file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}
