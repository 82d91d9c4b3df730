import { takeAliasAway } from '../../git/alias.ts'
import { aliasDirectory, readAlias } from '../../ria/layout/alias-file.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { realDirectory } from '../../ria/layout/datasets.ts'
import type { MovedTo } from '../../ria/layout/moved-to.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { archivesDirectory, copyingDirectory, HOLDER, lockPath, SUCCESSOR } from '../../ria/layout/places.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes } from '../lock/changes.ts'
import { type Lock, withLock } from '../lock/lock.ts'
import {
  contentOf,
  lastEntry,
  lockable,
  type NewEntry,
  newEntry,
  PRIVATE,
  type TrashEntry,
  writeEntry,
} from './entry.ts'
import { filesIn, moveTree, removeEmptyDirectories } from './move-tree.ts'
import { renameDirectory } from './rename-directory.ts'

export interface RemoveDatasetOptions extends CallOptions {
  /** Its names, which go with it. */
  readonly aliases: readonly string[]
  /** So long it can be brought back. ms. */
  readonly keepMs: number
  readonly breakLock?: boolean | undefined
  readonly movedTo?: MovedTo | undefined
}

/**
 * Puts a dataset into the trash of its store: in one step where that can be, else file by file, the
 * layout file first, so that nobody takes the rest for a dataset. It holds the locks of the
 * dataset and of the entry, and each file is moved only if both were seen to be ours just before. A
 * run that was killed is gone on with by `finishRemoval`, or taken back by restoring. Throws
 * StoreError.
 */
export async function removeDataset(given: StoredDataset, options: RemoveDatasetOptions): Promise<NewEntry> {
  const { aliases, keepMs, breakLock, movedTo, signal } = options
  const dataset = given.through(withStrictLinks)
  const { store, directory } = dataset
  await requireRemovable(dataset, 'rm', { signal })
  const entry = await withLock(dataset, { signal, breakLock }, async (lock, held) => {
    const made = { ...newEntry(directory, aliases, lock.stat.mtimeMs ?? Date.now(), keepMs), movedTo }
    await writeEntry(store, made, { signal: held })
    await withEntry(store, made.path, { signal: held }, async (changes) => {
      const own = new Changes(dataset, lock, { signal: held })
      const target = contentOf(made.path)
      const isDone = await changes.whileProven('whichever', async ({ mayChange }) => {
        await lock.check({ signal })
        // From then on our lock is somewhere else, and whoever looks for it takes it for lost.
        return renameDirectory(store, directory, target, { signal, mayChange })
      })
      if (isDone) return requireLocked(dataset, target, lock, { signal })
      await moveTree(store, directory, target, {
        signal,
        first: LAYOUT_FILE,
        stays: (path) => isLock(directory, path),
        within: made.path,
        sharing: PRIVATE,
        whileProven: (work) => withBothProven(own, changes, signal, work),
      })
    })
    return made
  })
  await tidyUp(store, entry, { signal })
  return entry
}

/** Does work while it is proven that the locks of a dataset and of its entry are both ours. */
export function withBothProven<T>(
  own: Changes,
  changes: Changes,
  signal: AbortSignal | undefined,
  work: (call: CallOptions) => Promise<T>,
): Promise<T> {
  return own.whileProven('whichever', (first) =>
    changes.whileProven('whichever', (second) => {
      const mayChange = () => {
        first.mayChange()
        second.mayChange()
      }
      return work({ signal, mayChange })
    }),
  )
}

/**
 * What was renamed has to be what was locked: somebody may have put another directory there just
 * then.
 */
async function requireLocked(dataset: StoredDataset, target: string, lock: Lock, call: CallOptions): Promise<void> {
  const { store, directory } = dataset
  if ((await store.stat(lockPath(target), call))?.identity === lock.stat.identity) return
  const isBack = await renameDirectory(store, target, directory, call)
  const where = isBack ? 'it is where it was' : `it is in ${target} now`
  throw dataset.error('conflict', 'rm', `something else was put in its place meanwhile, or it is a link; ${where}`)
}

/** Moves what a run left behind that was killed after it had taken the layout file away. */
export async function finishRemoval(
  store: Store,
  entry: TrashEntry,
  { breakLock, ...call }: CallOptions & { readonly breakLock?: boolean | undefined },
): Promise<void> {
  await withEntry(store, entry.path, { ...call, breakLock }, (changes) =>
    moveTree(store, entry.directory, contentOf(entry.path), {
      ...call,
      stays: (path) => isLock(entry.directory, path),
      within: entry.path,
      sharing: PRIVATE,
      whileProven: (work) => changes.whileProven('whichever', work),
    }),
  )
  await tidyUp(store, entry, call)
}

/**
 * Whether the dataset of an entry is gone from its place in part only, or its names still lead
 * there, and what is left belongs to this entry: to the last one that has got the layout file.
 */
export async function isHalfRemoved(store: Store, entry: TrashEntry, call: CallOptions): Promise<boolean> {
  const { path, directory } = entry
  if ((await store.stat(`${directory}/${LAYOUT_FILE}`, call)) !== undefined) return false
  if ((await lastEntry(store, directory.replace('/', ''), call))?.path !== path) return false
  if (await isMadeAnew(store, entry, call)) return false
  for await (const { path } of store.list(directory, call)) if (!isLock(directory, path)) return true
  return (await namesLeft(store, entry, call)).length > 0
}

/** Some backends tell whole seconds. ms. */
const CLOCK_MS = 1000

/**
 * Whether somebody makes the dataset of an entry anew in its old place, or copies it there, or
 * began to: it has no layout file yet, and what is there is not what was removed. By the clock of
 * the store.
 */
export async function isMadeAnew(
  store: Store,
  { directory, removedMs }: TrashEntry,
  call: CallOptions,
): Promise<boolean> {
  for await (const { mtimeMs } of store.list(copyingDirectory(directory), call)) {
    if (mtimeMs === undefined || mtimeMs >= removedMs - CLOCK_MS) return true
  }
  // Elsewhere what is brought back may get the time of now.
  if (!store.traits.local && !store.traits.exec) return false
  // What create-sibling writes before the layout file; a client that stores late writes neither.
  const own = await store.statAll([`${directory}/HEAD`, `${directory}/config`], call)
  return own.some((stat) => (stat?.mtimeMs ?? 0) > removedMs)
}

/** Holds the lock of an entry of the trash. */
export function withEntry<T>(
  store: Store,
  path: string,
  { signal, breakLock }: CallOptions & { readonly breakLock?: boolean | undefined },
  work: (changes: Changes, nowMs: number) => Promise<T>,
): Promise<T> {
  const place = lockable(store, path)
  return withLock(place, { signal, breakLock, sharing: PRIVATE }, (lock, held) =>
    work(new Changes(place, lock, { sharing: PRIVATE, signal: held }), lock.stat.mtimeMs ?? Date.now()),
  )
}

/** The lock of what lies in a directory, and what belongs to it. */
export function isLock(directory: string, path: string): boolean {
  const archives = `${archivesDirectory(directory)}/`
  return path === lockPath(directory) || [HOLDER, SUCCESSOR].some((name) => path.startsWith(archives + name))
}

/** Names of an entry that still lead to where it was: none that another dataset has got since. */
async function namesLeft(
  store: Store,
  { directory, aliases }: Pick<TrashEntry, 'directory' | 'aliases'>,
  call: CallOptions,
): Promise<readonly string[]> {
  const left: string[] = []
  for (const name of aliases) {
    const alias = new StoredDataset(store, aliasDirectory(name))
    const target = (await readAlias(store, name, call)) ?? (await realDirectory(alias, call))
    if (target === directory) left.push(name)
  }
  return left
}

/** Its names lead nowhere now, and its lock is in the trash with it. */
async function tidyUp(store: Store, entry: TrashEntry, call: CallOptions): Promise<void> {
  for (const name of await namesLeft(store, entry, call)) await takeAliasAway(store, name, call)
  const content = contentOf(entry.path)
  const locks = (await filesIn(store, archivesDirectory(content), call)).filter((file) => isLock(content, file.path))
  await removeFiles(
    store,
    locks.map((file) => file.path),
    { ...call, pruneParents: 1 },
  )
  await removeEmptyDirectories(store, entry.directory, call)
}
