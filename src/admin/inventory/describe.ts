import { isStoreError, messageOf, StoreError } from '../../core/errors.ts'
import { type GitConfig, parseGitConfig } from '../../core/git-config.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { readRefs } from '../../git/read-remote.ts'
import { Revision, type RevisionEntry } from '../../git/revision.ts'
import { LAYOUT_FILE, parseLayoutVersion } from '../../ria/layout/paths.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Permissions } from '../../store/store.ts'
import { countKeys } from './count-keys.ts'
import type { DatasetFacts, NewestCommit, Subdataset } from './facts.ts'
import { nameOf } from './name.ts'

export interface DescribeOptions extends CallOptions {
  /** The names that are known to lead to it. */
  readonly aliases?: readonly string[] | undefined
  /** Its keys are counted: all of them are listed. */
  readonly keys?: boolean | undefined
  /** .gitmodules is read. */
  readonly subdatasets?: boolean | undefined
}

/** None of git's small files is longer. Bytes. */
const MAX_BYTES = 1024 * 1024

/** A dataset with more branches is told by its first ones. */
const MAX_BRANCHES = 50

/** git-annex's branch, and those by which it syncs, are not what people commit to. */
const NOT_WORKED_ON = /^refs\/heads\/(git-annex$|synced\/)/

/**
 * Looks at a dataset. What cannot be read of it is told in `problems`, and the rest is there; only
 * when nothing can be read at all it throws StoreError.
 */
export async function describeDataset(dataset: StoredDataset, options: DescribeOptions = {}): Promise<DatasetFacts> {
  const call = { signal: options.signal }
  const problems: string[] = []
  const orTell = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (options.signal?.aborted || !(error instanceof StoreError)) throw error
      if (isStoreError(error, 'unreachable')) throw error
      problems.push(messageOf(error))
      return undefined
    }
  }
  const [layout, owner, sharing, refs, keys] = await Promise.all([
    orTell(() => readVersion(dataset, call)),
    orTell(() => ownerOf(dataset, call)),
    orTell(() => readSharing(dataset, call)),
    orTell(() => readRefs(dataset, call)),
    options.keys ? orTell(() => countKeys(dataset, call)) : undefined,
  ])
  const objects = new ObjectReader(dataset, call)
  const branches = [...(refs?.refs ?? [])].filter(([ref]) => ref.startsWith('refs/heads/') && !NOT_WORKED_ON.test(ref))
  const newest = await orTell(() => newestOf(dataset, objects, branches.slice(0, MAX_BRANCHES)))
  const head = refs?.head === undefined ? undefined : refs.refs.get(refs.head)
  const revision = head === undefined ? undefined : await orTell(() => Revision.open(dataset, objects, head))
  const description = (await orTell(async () => dataset.findSmall('description', MAX_BYTES, call)))?.toString()
  const name = await orTell(async () =>
    nameOf({ revision, config: await dataladConfig(dataset, revision), description }),
  )
  const subdatasets = options.subdatasets && revision ? await orTell(() => subdatasetsOf(dataset, revision)) : undefined
  return {
    id: dataset.directory.replace('/', ''),
    aliases: [...new Set([...(options.aliases ?? []), ...(refs?.aliases ?? [])])].sort(),
    name,
    newest,
    branches: branches.length,
    layout,
    sharing,
    owner,
    subdatasets: options.subdatasets ? (subdatasets ?? []) : undefined,
    keys,
    problems,
  }
}

async function readVersion(dataset: StoredDataset, call: CallOptions): Promise<string> {
  const text = (await dataset.readSmall(LAYOUT_FILE, MAX_BYTES, call)).toString()
  return parseLayoutVersion(text, dataset.where(dataset.path(LAYOUT_FILE))).version
}

/** By the layout file, which whoever made the dataset wrote. */
async function ownerOf(dataset: StoredDataset, call: CallOptions): Promise<Omit<Permissions, 'mode'> | undefined> {
  if (dataset.store.traits.flat) return undefined
  for await (const { path, file } of dataset.store.children(dataset.directory, call)) {
    if (path !== dataset.path(LAYOUT_FILE) || file?.permissions === undefined) continue
    const { uid, gid } = file.permissions
    return { uid, gid }
  }
  return undefined
}

async function newestOf(
  dataset: StoredDataset,
  objects: ObjectReader,
  branches: readonly (readonly [ref: string, id: string])[],
): Promise<NewestCommit | undefined> {
  let newest: NewestCommit | undefined
  for (const [ref, id] of branches) {
    const { committedMs } = (await Revision.open(dataset, objects, id)).commit
    if (newest !== undefined && newest.committedMs >= committedMs) continue
    newest = { id, branch: ref.slice('refs/heads/'.length), committedMs }
  }
  return newest
}

async function dataladConfig(dataset: StoredDataset, revision: Revision | undefined): Promise<GitConfig | undefined> {
  const text = await textOf(revision, await revision?.find('.datalad/config'))
  // A name is all that is wanted, and few have one there: git is not started for nothing.
  if (text === undefined || !/project/i.test(text)) return undefined
  return parseGitConfig(Buffer.from(text), `${dataset.where()}: .datalad/config`)
}

async function subdatasetsOf(dataset: StoredDataset, revision: Revision): Promise<readonly Subdataset[]> {
  const text = await textOf(revision, await revision.find('.gitmodules'))
  if (text === undefined) return []
  const config = await parseGitConfig(Buffer.from(text), `${dataset.where()}: .gitmodules`)
  const found: Subdataset[] = []
  for (const key of config.keys()) {
    const [, name] = /^submodule\.(.*)\.path$/s.exec(key) ?? []
    const id = name === undefined ? undefined : config.get(`submodule.${name}.datalad-id`)
    if (id !== undefined) found.push({ path: config.get(key) ?? '', id })
  }
  return found
}

async function textOf(revision: Revision | undefined, entry: RevisionEntry | undefined): Promise<string | undefined> {
  if (revision === undefined || entry === undefined || entry.kind !== 'file') return undefined
  return (await revision.sizeOf(entry)) > MAX_BYTES ? undefined : (await revision.read(entry)).toString()
}
