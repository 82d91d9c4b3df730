import { ConfigError, StoreError } from '../../core/errors.ts'
import { annexKeyOf } from '../../git/annexed-file.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { readRefs } from '../../git/read-remote.ts'
import { Revision, type RevisionEntry } from '../../git/revision.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { Fingerprints } from '../inventory/fingerprints.ts'

/** git-annex's own branches have logs, and no files of people. */
const RECORDS = /^refs\/(heads\/(synced\/)?|remotes\/[^/]+\/)git-annex$/

/** Which keys the refs of a dataset name at their tips. */
export interface UsedKeys {
  readonly keys: Fingerprints
  /** All refs, as they were read, by which it can be seen whether somebody pushed since. */
  readonly refs: string
  /** When the newest of their commits was made. ms since 1970. */
  readonly newestMs: number
}

/** All refs of a dataset and where they are, in a line. */
export async function refsOf(dataset: StoredDataset, call: CallOptions): Promise<string> {
  return asText((await readRefs(dataset, call)).refs)
}

const asText = (refs: ReadonlyMap<string, string>) =>
  [...refs]
    .map((ref) => ref.join(' '))
    .sort()
    .join('\n')

/**
 * Reads what all branches, tags and other refs of a dataset name: each of them has to be readable.
 * Throws StoreError; `unsupported` where there is none, so that nothing could be told, and for a
 * ref that leads to no commit.
 */
export async function usedKeys(dataset: StoredDataset, call: CallOptions): Promise<UsedKeys> {
  const { refs } = await readRefs(dataset, call)
  const wanted = [...refs].filter(([ref]) => !RECORDS.test(ref))
  if (wanted.length === 0) {
    throw dataset.error('unsupported', 'unused', 'it has no branch in this store: nobody can tell which keys are used')
  }
  const objects = new ObjectReader(dataset, call)
  const keys = new Fingerprints()
  const seen = new Fingerprints()
  // A link and a file of the same content are two things.
  const isNew = ({ kind, id }: RevisionEntry) => seen.set(`${kind} ${id}`, 1) === undefined
  let newestMs = 0
  const walk = async (revision: Revision, directory: RevisionEntry): Promise<void> => {
    for await (const entry of revision.list(directory, false)) {
      call.signal?.throwIfAborted()
      if (entry.kind === 'subdataset' || !isNew(entry)) continue
      if (entry.kind === 'directory') await walk(revision, entry)
      else {
        const key = await annexKeyOf(revision, entry)
        if (key !== undefined) keys.set(key, 1)
      }
    }
  }
  for (const [ref, id] of wanted) {
    const revision = await openRevision(dataset, objects, ref, id)
    newestMs = Math.max(newestMs, revision.commit.committedMs)
    const top = await revision.find('')
    if (top !== undefined && isNew(top)) await walk(revision, top)
  }
  return { keys, refs: asText(refs), newestMs }
}

async function openRevision(dataset: StoredDataset, objects: ObjectReader, ref: string, id: string): Promise<Revision> {
  try {
    return await Revision.open(dataset, objects, id)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const where = dataset.where()
    throw new StoreError({
      kind: 'unsupported',
      op: 'unused',
      where,
      message: `${ref} leads to no commit`,
      cause: error,
    })
  }
}
