import { bufferSource } from '../../core/source.ts'
import { appendOnlyError, isAppendOnly } from '../../ria/layout/append-only.ts'
import { formatGravestone, gravestonePath } from '../../ria/layout/gravestone.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import {
  contentOf,
  deletingFile,
  entryFile,
  lastEntry,
  listEntries,
  PRIVATE,
  readEntry,
  type TrashEntry,
  timeOfEntry,
} from './entry.ts'
import { filesIn, removeEmptyDirectories } from './move-tree.ts'
import { finishRemoval, isHalfRemoved, isLock, withEntry } from './remove-dataset.ts'

export interface Emptied {
  /** Datasets that were deleted for good, or would be. */
  readonly entries: number
  readonly files: number
  readonly bytes: number
  /** Removals that had been broken off, and are done now. */
  readonly finished: number
  /** Datasets that can still be brought back. */
  readonly kept: number
}

export interface EmptyOptions extends CallOptions {
  readonly dryRun?: boolean | undefined
  readonly breakLock?: boolean | undefined
}

/**
 * Deletes what has been in the trash for longer than it is kept, by the clock of the store, and
 * what another run began to delete; finishes removals that were broken off.
 */
export async function emptyTrash(
  store: Store,
  { dryRun = false, breakLock, ...call }: EmptyOptions = {},
): Promise<Emptied> {
  let [entries, files, bytes, finished, kept] = [0, 0, 0, 0, 0]
  const keepsAll = await isAppendOnly(store, undefined, call)
  for (const { path, entry } of await listEntries(store, call)) {
    if (entry !== undefined && (await isHalfRemoved(store, entry, call))) {
      finished += 1
      if (!dryRun) await finishRemoval(withStrictLinks(store), entry, { ...call, breakLock })
    }
    if (keepsAll || (entry !== undefined && (entry.untilMs ?? Number.POSITIVE_INFINITY) > Date.now())) {
      kept += 1
      continue
    }
    const deleted = dryRun
      ? await wouldDelete(store, path, entry, call)
      : await deleteEntry(store, path, { ...call, breakLock, isDue })
    if (deleted === undefined) kept += 1
    else {
      entries += 1
      files += deleted.files
      bytes += deleted.bytes
    }
  }
  return { entries, files, bytes, finished, kept }
}

export interface DeleteEntryOptions extends CallOptions {
  /** Whether it may go; asked under its lock. `nowMs`: by the clock of the store. */
  readonly isDue: (entry: TrashEntry, nowMs: number) => boolean
  readonly breakLock?: boolean | undefined
}

/**
 * Deletes an entry for good, under its lock: first it is marked, then goes what says that it can be
 * brought back, and each file only if the lock was seen to be ours just before. Undefined when it
 * is not due, or nobody knows whether it is: what has neither its `entry.json` nor that mark stays,
 * unless it is an old one with nothing in it.
 */
export async function deleteEntry(
  given: Store,
  path: string,
  { isDue: mayGo, breakLock, ...call }: DeleteEntryOptions,
): Promise<{ readonly files: number; readonly bytes: number } | undefined> {
  const store = withStrictLinks(given)
  if (await isAppendOnly(store, undefined, call)) throw appendOnlyError(store, `delete ${path}`)
  const deleted = await withEntry(store, path, { ...call, breakLock }, async (changes, nowMs) => {
    const entry = await readEntry(store, path, call)
    const mark = deletingFile(path)
    if (entry !== undefined) {
      if (!mayGo(entry, nowMs)) return undefined
      await changes.whileProven('whichever', (proven) =>
        store.put(mark, bufferSource(''), { ...proven, within: path, sharing: PRIVATE }),
      )
    } else if (!(await mayGoUnnamed(store, path, nowMs, call))) return undefined
    await changes.removeOwn([entryFile(path)], 'whichever')
    const found = (await filesIn(store, path, call)).filter((file) => !isLock(path, file.path) && file.path !== mark)
    const names = found.map((file) => file.path)
    await changes.removeOwn([...names, mark], 'whichever')
    return { files: found.length, bytes: found.reduce((sum, { size }) => sum + size, 0), entry }
  })
  if (deleted === undefined) return undefined
  await removeEmptyDirectories(store, path, call)
  const { entry, files, bytes } = deleted
  const [, id = ''] = path.split('/')
  if (entry !== undefined && entry.keys === undefined && (await lastEntry(store, id, call)) === undefined) {
    const { url: movedTo, sibling } = entry.movedTo ?? {}
    const stone = formatGravestone({ removed: new Date(entry.removedMs).toISOString(), movedTo, sibling })
    await store.put(gravestonePath(id), bufferSource(stone), call)
  }
  return { files, bytes }
}

/** A removal that has just begun has nothing in it either. ms. */
const NEW_MS = 24 * 3_600_000

async function mayGoUnnamed(store: Store, path: string, nowMs: number, call: CallOptions): Promise<boolean> {
  if ((await store.stat(deletingFile(path), call)) !== undefined) return true
  if (nowMs - timeOfEntry(path) < NEW_MS) return false
  for await (const _file of store.list(contentOf(path), call)) return false
  return true
}

function isDue({ untilMs }: TrashEntry, nowMs: number): boolean {
  return untilMs !== undefined && untilMs <= nowMs
}

async function wouldDelete(store: Store, path: string, entry: TrashEntry | undefined, call: CallOptions) {
  if (entry === undefined && !(await mayGoUnnamed(store, path, Date.now(), call))) return undefined
  const found = await filesIn(store, path, call)
  return { files: found.length, bytes: found.reduce((sum, { size }) => sum + size, 0) }
}
