import { forEachParallel } from '../../core/parallel.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry, Store } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes } from '../lock/changes.ts'
import { withLock } from '../lock/lock.ts'
import {
  contentOf,
  deletingFile,
  entryFile,
  lockable,
  newEntry,
  PRIVATE,
  readEntry,
  type TrashEntry,
  writeEntry,
} from './entry.ts'
import { filesIn, moveTree, removeEmptyDirectories } from './move-tree.ts'
import { withBothProven, withEntry } from './remove-dataset.ts'

export interface RemoveKeysOptions extends CallOptions {
  /** So long they can be brought back. ms. */
  readonly keepMs: number
  /** Asked of each just before it goes, under the locks. */
  readonly mayGo: (entry: Entry) => Promise<boolean>
  readonly breakLock?: boolean | undefined
}

/**
 * Puts loose keys of a dataset into the trash of its store, each only if it is still what was
 * listed, and while the locks of dataset and trash were seen to be ours just before. Returns those
 * that went. Throws StoreError.
 */
export async function removeKeys(
  given: StoredDataset,
  entries: readonly Entry[],
  { keepMs, mayGo, breakLock, signal }: RemoveKeysOptions,
): Promise<readonly Entry[]> {
  const dataset = given.through(withStrictLinks)
  const { store, directory } = dataset
  await requireRemovable(dataset, 'remove keys of', { signal })
  const gone: Entry[] = []
  await withLock(dataset, { signal, breakLock }, async (lock, held) => {
    const made = { ...newEntry(directory, [], lock.stat.mtimeMs ?? Date.now(), keepMs), keys: entries.length }
    await writeEntry(store, made, { signal: held })
    const moving = withEntry(store, made.path, { signal: held }, async (changes) => {
      const own = new Changes(dataset, lock, { signal: held })
      const place = contentOf(made.path)
      await withBothProven(own, changes, held, (call) =>
        forEachParallel(entries, store.traits.maxInFlight, async (entry) => {
          if (gone.includes(entry)) return
          const now = await store.stat(entry.path, { signal: held })
          if (now?.identity !== entry.identity || !(await mayGo(entry))) return
          const target = `${place}/${entry.path.slice(directory.length + 1)}`
          await store.move(entry.path, target, { ...call, within: made.path, sharing: PRIVATE, pruneParents: 3 })
          gone.push(entry)
        }),
      )
    })
    await moving.catch(async (error: unknown) => {
      if (gone.length === 0) await discard(store, made.path, {}).catch(() => {})
      throw error
    })
    if (gone.length === 0) await discard(store, made.path, { signal: held })
  })
  return gone
}

/** Nothing was put there. */
async function discard(store: Store, path: string, call: CallOptions): Promise<void> {
  await withEntry(store, path, call, async (changes) => {
    if ((await filesIn(store, contentOf(path), call)).length === 0) {
      await changes.removeOwn([entryFile(path)], 'whichever')
    }
  })
  await removeEmptyDirectories(store, path, call)
}

/**
 * Brings keys back from the trash to where they were. Where a key was stored again meanwhile, that
 * copy stays, and the one in the trash until its time has come. Throws StoreError.
 */
export async function restoreKeys(
  given: Store,
  dataset: StoredDataset,
  { path }: TrashEntry,
  { breakLock, signal }: CallOptions & { readonly breakLock?: boolean | undefined },
): Promise<void> {
  const store = withStrictLinks(given)
  await withEntry(store, path, { signal, breakLock }, async (changes) => {
    if ((await readEntry(store, path, { signal })) === undefined) {
      throw lockable(store, path).error('missing', 'restore', 'it is being deleted, or was brought back meanwhile')
    }
    const content = contentOf(path)
    const found = (await filesIn(store, content, { signal })).map((file) => file.path)
    const places = found.map((file) => `${dataset.directory}/${file.slice(content.length + 1)}`)
    const there = await store.statAll(places, { signal })
    const stays = new Set(found.filter((_file, i) => there[i] !== undefined))
    await moveTree(store, content, dataset.directory, {
      signal,
      stays: (file) => stays.has(file),
      within: dataset.directory,
      sharing: await readSharing(dataset, { signal }),
      whileProven: (work) => changes.whileProven('whichever', work),
    })
    if (stays.size === 0) await changes.removeOwn([entryFile(path), deletingFile(path)], 'whichever')
  })
  await removeEmptyDirectories(store, path, { signal })
}
