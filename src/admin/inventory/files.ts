import { ConfigError, isStoreError, messageOf } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import { inOrder } from '../../core/parallel.ts'
import { annexKeyOf } from '../../git/annexed-file.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { readRefs } from '../../git/read-remote.ts'
import { Revision, type RevisionEntry, resolveName } from '../../git/revision.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { StoredKeys } from './stored-keys.ts'

/** A file of a dataset at a commit. */
export interface FileFacts {
  /** From the top of the dataset. */
  readonly path: string
  readonly kind: RevisionEntry['kind']
  /** Of an annexed file. */
  readonly key: string | undefined
  /** Length of the content in bytes; undefined where nobody says, and for directories. */
  readonly size: number | undefined
  /**
   * Whether the store has the content: git has what is not annexed. Undefined for directories and
   * subdatasets, and where it could not be, or was not to be, found out.
   */
  readonly present: boolean | undefined
  /** Why `present` is not known, in one line. */
  readonly problem: string | undefined
}

/**
 * Opens the commit that `at` names in a dataset: a ref, `HEAD`, or a commit's id; without it what
 * HEAD points to. Throws ConfigError when there is no such commit, and StoreError.
 */
export async function openRevision(
  dataset: StoredDataset,
  at: string | undefined,
  call: CallOptions = {},
): Promise<Revision> {
  const refs = await readRefs(dataset, call)
  const id = resolveName(refs, at)
  if (id !== undefined) return Revision.open(dataset, new ObjectReader(dataset, call), id)
  if (at !== undefined)
    throw new ConfigError(`${dataset.name} has no ${at}: neither a ref nor the whole id of a commit`)
  throw dataset.error('missing', 'list', 'nothing was pushed yet: HEAD points to no commit')
}

/** What is at a path of a commit. Throws ConfigError when there is nothing. */
export async function requireEntry(dataset: StoredDataset, revision: Revision, path: string): Promise<RevisionEntry> {
  const entry = await revision.find(path)
  if (entry !== undefined) return entry
  throw new ConfigError(`${dataset.name} has no ${JSON.stringify(path)} at ${revision.id.slice(0, 12)}`)
}

/**
 * The files at some paths of a commit: of a directory what is in it, with `recursive` all that is
 * below it. Without `keys` nobody looks whether the store has their content. Throws ConfigError for
 * a path at which nothing is, and StoreError.
 */
export async function* filesAt(
  dataset: StoredDataset,
  revision: Revision,
  keys: StoredKeys | undefined,
  { paths, recursive, ...call }: CallOptions & { readonly paths: readonly string[]; readonly recursive: boolean },
): AsyncGenerator<FileFacts, void, void> {
  const wanted: RevisionEntry[] = []
  for (const path of paths.length === 0 ? [''] : paths) wanted.push(await requireEntry(dataset, revision, path))
  const entries = async function* () {
    for (const entry of wanted) {
      if (entry.kind === 'directory') yield* revision.list(entry, recursive)
      else yield entry
    }
  }
  yield* inOrder(entries(), dataset.store.traits.maxInFlight, (entry) => fileFacts(revision, keys, entry, call))
}

/** The same of one entry. Throws StoreError. */
export async function fileFacts(
  revision: Revision,
  keys: StoredKeys | undefined,
  entry: RevisionEntry,
  call: CallOptions,
): Promise<FileFacts> {
  const { path, kind } = entry
  const plain = { path, kind, key: undefined, size: undefined, present: undefined, problem: undefined }
  if (kind === 'directory' || kind === 'subdataset') return plain
  const key = await annexKeyOf(revision, entry)
  if (key === undefined) return { ...plain, size: await revision.sizeOf(entry), present: true }
  const annexed = { ...plain, key, size: parseKey(key).size }
  if (keys === undefined) return annexed
  try {
    return { ...annexed, present: await keys.has(key, call) }
  } catch (error) {
    if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
    return { ...annexed, problem: messageOf(error) }
  }
}
