import { isStoreError, StoreError } from '../../core/errors.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { parseCommit } from '../../git/objects/parse-objects.ts'
import { readRefs } from '../../git/read-remote.ts'
import { eachDataset } from '../../ria/layout/datasets.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

/** Which other datasets of a store have commits of a dataset. */
export interface SharedHistory {
  /** Their ids. */
  readonly sharedHistory: readonly string[]
  /** Those of which nobody can tell, for something of either cannot be read; all by `*`. */
  readonly unknownHistory: readonly string[]
}

/** A history with more commits is followed no further. */
const MAX_COMMITS = 100_000

/**
 * Looks which other datasets of the store have one of the first commits of this one, as its clones
 * and forks do. Whatever they have stays when this one goes. Throws StoreError.
 */
export async function sharedHistoryOf(dataset: StoredDataset, call: CallOptions): Promise<SharedHistory> {
  const [sharedHistory, unknownHistory]: [string[], string[]] = [[], []]
  const roots = await orUnknown(() => rootsOf(dataset, call))
  if (roots === undefined) return { sharedHistory, unknownHistory: ['*'] }
  if (roots.length === 0) return { sharedHistory, unknownHistory }
  for await (const other of eachDataset(dataset.store, call)) {
    if (other.directory === dataset.directory) continue
    const objects = new ObjectReader(other, call)
    const isShared = await orUnknown(() => hasOneOf(objects, roots))
    if (isShared !== false) (isShared ? sharedHistory : unknownHistory).push(other.directory.replace('/', ''))
  }
  return { sharedHistory, unknownHistory }
}

/** The commits without parents that the branches lead to. */
async function rootsOf(dataset: StoredDataset, call: CallOptions): Promise<readonly string[]> {
  const refs = await readRefs(dataset, call).catch((error: unknown) => {
    if (isStoreError(error, 'missing')) return undefined // it has no git repository
    throw error
  })
  const objects = new ObjectReader(dataset, call)
  const next = [...(refs?.refs ?? [])].flatMap(([ref, id]) => (ref.startsWith('refs/heads/') ? [id] : []))
  const seen = new Set(next)
  const roots: string[] = []
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    if (seen.size > MAX_COMMITS) throw dataset.error('unsupported', 'read the history of', 'it is too long')
    const { parents } = parseCommit((await objects.read(id)).content)
    if (parents.length === 0) roots.push(id)
    for (const parent of parents) {
      if (seen.has(parent)) continue
      seen.add(parent)
      next.push(parent)
    }
  }
  return roots
}

async function hasOneOf(objects: ObjectReader, ids: readonly string[]): Promise<boolean> {
  for (const id of ids) {
    try {
      await objects.sizeOf(id)
      return true
    } catch (error) {
      if (!isStoreError(error, 'missing')) throw error
    }
  }
  return false
}

/** What cannot be read is not known; a store that cannot be reached is an error. */
async function orUnknown<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof RangeError) return undefined
    if (!(error instanceof StoreError) || isStoreError(error, 'unreachable', 'aborted')) throw error
    return undefined
  }
}
