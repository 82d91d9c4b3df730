import { isStoreError, messageOf } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { setAlias } from '../../git/alias.ts'
import { gravestonePath } from '../../ria/layout/gravestone.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import {
  contentOf,
  deletingFile,
  entryFile,
  lastEntry,
  lockable,
  readEntry,
  rewriteEntry,
  type TrashEntry,
} from './entry.ts'
import { moveTree, removeEmptyDirectories } from './move-tree.ts'
import { isMadeAnew, withEntry } from './remove-dataset.ts'
import { renameDirectory } from './rename-directory.ts'

export interface RestoreOptions extends CallOptions {
  readonly breakLock?: boolean | undefined
  /** Where it shall be, `abc/def-…`; also for whoever goes on with it. Default: where it was. */
  readonly as?: string | undefined
}

/**
 * Brings a dataset back from the trash, with its names as far as nobody else has them; returns what
 * could not be brought back, a line each. Nobody sees it before it is whole. Throws StoreError
 * `conflict` where there is a dataset of that id by now.
 */
export async function restoreDataset(
  given: Store,
  { path }: TrashEntry,
  { breakLock, as, signal }: RestoreOptions,
): Promise<readonly string[]> {
  const store = withStrictLinks(given)
  const call = { signal }
  const entry = await withEntry(store, path, { signal, breakLock }, async (changes) => {
    let found = await readEntry(store, path, call)
    if (found === undefined) {
      throw lockable(store, path).error('missing', 'restore', 'it is being deleted, or was brought back meanwhile')
    }
    if (as !== undefined) {
      found = { ...found, directory: as }
      await rewriteEntry(store, found, call)
    }
    const { directory } = found
    const target = new StoredDataset(store, directory)
    if ((await store.stat(target.path(LAYOUT_FILE), call)) !== undefined) {
      throw target.error('conflict', 'restore', 'there is a dataset of this id again: remove or move that first')
    }
    if (await isMadeAnew(store, found, call)) {
      const message =
        'one is being made in its place, or copied there, or that was broken off: the same command, once more, finishes it'
      throw target.error('conflict', 'restore', message)
    }
    const content = contentOf(path)
    await makeDirectory(store, directory.slice(0, 3), call)
    const isDone = await changes.whileProven('whichever', (proven) =>
      renameDirectory(store, content, directory, proven),
    )
    if (!isDone) {
      const isHere = (await store.stat(`${content}/${LAYOUT_FILE}`, call)) !== undefined
      if (!isHere) throw lockable(store, path).error('corrupt', 'restore', `it has no ${LAYOUT_FILE}`)
      const sharing = await readSharing(new StoredDataset(store, content), call)
      await makeDirectory(store, directory, call)
      await moveTree(store, content, directory, {
        ...call,
        last: LAYOUT_FILE,
        within: directory,
        sharing,
        whileProven: (work) => changes.whileProven('whichever', work),
      })
    }
    await changes.removeOwn([entryFile(path), deletingFile(path)], 'whichever')
    return found
  })
  await removeEmptyDirectories(store, path, call)
  const id = path.split('/')[1] ?? ''
  // Directories that cannot be removed may be left of it.
  if ((await lastEntry(store, id, call)) === undefined)
    await store.remove(gravestonePath(id), { ...call, pruneParents: 2 })
  const problems: string[] = []
  for (const name of entry.aliases) {
    try {
      await setAlias(new StoredDataset(given, entry.directory), name, call)
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      problems.push(`the alias ~${name}: ${messageOf(error)}`)
    }
  }
  return problems
}

/** A store has no call that makes a directory: one stays when its only file goes. */
async function makeDirectory(store: Store, directory: string, call: CallOptions): Promise<void> {
  if (store.traits.flat) return
  const file = `${directory}/${temporaryName()}`
  await store.put(file, bufferSource(''), call)
  await store.remove(file, call)
}
