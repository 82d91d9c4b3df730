import { gravestonePath, trashOf } from '../../ria/layout/gravestone.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { deleteEntry } from './empty-trash.ts'
import { listEntries } from './entry.ts'
import { filesIn } from './move-tree.ts'
import { finishRemoval, isHalfRemoved } from './remove-dataset.ts'

export interface GoOnOptions extends CallOptions {
  /** What is in the trash of the dataset is deleted for good, whenever its time comes. */
  readonly now: boolean
  readonly dryRun?: boolean | undefined
  readonly breakLock?: boolean | undefined
}

export interface GoneOn {
  /** Removals that had been broken off, and are done now, or would be. */
  readonly finished: number
  /** What was in the trash, and is deleted, or would be. */
  readonly entries: number
  readonly files: number
  readonly bytes: number
}

/** Whether a dataset is gone from its place, and something of it is in the trash. */
export async function isInTrash(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  if ((await dataset.store.stat(dataset.path(LAYOUT_FILE), call)) !== undefined) return false
  return (await listEntries(dataset.store, call, idOf(dataset))).length > 0
}

/** Goes on with the removal of a dataset that is gone from its place, where it was broken off. */
export async function goOnRemoving(given: StoredDataset, options: GoOnOptions): Promise<GoneOn> {
  const { now, dryRun = false, breakLock, signal } = options
  const dataset = given.through(withStrictLinks)
  const call = { signal, breakLock }
  let [finished, entries, files, bytes] = [0, 0, 0, 0]
  for (const { path, entry } of await listEntries(dataset.store, call, idOf(dataset))) {
    if (entry !== undefined && (await isHalfRemoved(dataset.store, entry, call))) {
      finished += 1
      if (!dryRun) await finishRemoval(dataset.store, entry, call)
    }
    if (!now) continue
    const deleted = dryRun ? undefined : await deleteEntry(dataset.store, path, { ...call, isDue: () => true })
    entries += 1
    files += deleted?.files ?? 0
    bytes += deleted?.bytes ?? 0
  }
  return { finished, entries, files, bytes }
}

/**
 * Looks that nothing is left of a dataset that was deleted for good, in its place nor in the trash,
 * but the file that says when. Throws StoreError `conflict`.
 */
export async function requireNothingLeft(dataset: StoredDataset, call: CallOptions): Promise<void> {
  const { store, directory } = dataset
  const here = (await filesIn(store, directory, call)).length
  if (here > 0) throw dataset.error('conflict', 'rm', `somebody stores in it: ${here} files came meanwhile`)
  const trash = trashOf(idOf(dataset))
  const stone = gravestonePath(idOf(dataset))
  const there = (await filesIn(store, trash, call)).filter(({ path }) => path !== stone)
  if (there.length === 0) return
  const message = `${there.length} files are left in the trash, and nothing there says of what: look, and remove them`
  throw dataset.error('conflict', 'rm', message, { path: there[0]?.path ?? trash })
}

const idOf = ({ directory }: StoredDataset) => directory.replace('/', '')
