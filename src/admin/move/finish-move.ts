import { isStoreError } from '../../core/errors.ts'
import { findDataset } from '../../ria/layout/datasets.ts'
import { datasetDirectory, LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { lastEntry, listEntries, type TrashEntry } from '../trash/entry.ts'
import { finishRemoval, isHalfRemoved } from '../trash/remove-dataset.ts'
import { type Gone, lateIn, type NewPlace, recordMove } from './new-place.ts'

export interface FinishMoveOptions extends CallOptions {
  readonly place: NewPlace
  readonly breakLock?: boolean | undefined
}

/**
 * The datasets of a store that are in its trash since they were moved to `url`, by the last entry
 * of each.
 */
async function* movedDatasets(store: Store, url: string, call: CallOptions): AsyncGenerator<TrashEntry, void, void> {
  const directories = new Set<string>()
  for (const { entry } of await listEntries(store, call)) {
    if (entry?.movedTo?.url === url) directories.add(entry.directory)
  }
  for (const directory of directories) {
    const entry = await movedEntry(new StoredDataset(store, directory), url, call)
    if (entry !== undefined) yield entry
  }
}

/** Moves to `url` that were broken off when the original had gone in part. */
export async function halfMoved(store: Store, url: string, call: CallOptions): Promise<readonly TrashEntry[]> {
  const found: TrashEntry[] = []
  for await (const entry of movedDatasets(store, url, call)) {
    if (await isHalfRemoved(store, entry, call)) found.push(entry)
  }
  return found
}

/**
 * Finds a dataset of a store by its id or alias; also one that was moved to `url`, whose move may
 * have been broken off when the dataset was gone already. Throws as `findDataset` does.
 */
export function findAlsoMoved(url: string): typeof findDataset {
  return async (store, name, call = {}) => {
    try {
      return await findDataset(store, name, call)
    } catch (error) {
      if (!isStoreError(error, 'missing')) throw error
      const isIt = ({ directory, aliases }: TrashEntry) =>
        name.startsWith('~') ? aliases.includes(name.slice(1)) : directory === datasetDirectory(name)
      for await (const entry of movedDatasets(store, url, call)) {
        if (isIt(entry)) return new StoredDataset(store, entry.directory, name)
      }
      throw error
    }
  }
}

/**
 * The entry of a dataset that is not in its place any more, since it was moved to `url`. Undefined:
 * it is there.
 */
export async function movedEntry(
  { store, directory }: StoredDataset,
  url: string,
  call: CallOptions,
): Promise<TrashEntry | undefined> {
  if ((await store.stat(`${directory}/${LAYOUT_FILE}`, call)) !== undefined) return undefined
  const entry = await lastEntry(store, directory.replace('/', ''), call)
  return entry?.movedTo?.url === url ? entry : undefined
}

/**
 * Goes on with a move that was broken off when the dataset was gone from its place already: brings
 * the rest of it into the trash, and does what comes after that. Throws StoreError `missing` where
 * the copy is not there.
 */
export async function finishMove(
  store: Store,
  entry: TrashEntry,
  copy: StoredDataset,
  { place, breakLock, signal }: FinishMoveOptions,
): Promise<Gone> {
  const call = { signal }
  await findDataset(copy.store, copy.directory.replace('/', ''), call)
  if (await isHalfRemoved(store, entry, call)) await finishRemoval(store, entry, { ...call, breakLock })
  const recorded = await recordMove(copy, place, call)
  return { entry, late: await lateIn(store, entry, copy, call), ...recorded }
}
