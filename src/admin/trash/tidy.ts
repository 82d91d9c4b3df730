import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { archivesDirectory, fileNameOf, lockPath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { isTemporaryName, temporaryName } from '../../store/temporary.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes } from '../lock/changes.ts'
import { removeLeftovers } from '../lock/leftovers.ts'
import { withLock } from '../lock/lock.ts'

/** An upload on which nothing was written for so long is over. ms. */
const DEAD_MS = 24 * 3_600_000

/** Where uploads wait until they are whole. */
const WAITING = /^(ora-remote-[^/]+\/transfer|riastore\/incoming)$/

export interface Tidied {
  /** Temporary files of uploads that are over, which were removed, or would be. */
  readonly uploads: number
  readonly bytes: number
  /** A lock that a run had left which is dead: it was taken away. Or somebody has it. */
  readonly lock: 'none' | 'removed' | 'held'
}

/**
 * Removes what killed programs left in a dataset: temporary files that nobody has written to for a
 * day, by the clock of the store, and the lock of a run that is certainly dead, with what that had
 * not done with. Keys, git's files, and what other programs made are not touched.
 */
export async function tidyDataset(
  given: StoredDataset,
  { dryRun = false, ...call }: CallOptions & { readonly dryRun?: boolean | undefined },
): Promise<Tidied> {
  const dataset = given.through(withStrictLinks)
  const found = await waitingFiles(dataset, call)
  const isDead = found.length === 0 ? () => false : await olderThan(dataset, DEAD_MS, dryRun, call)
  const dead = found.filter(isDead)
  if (!dryRun) {
    for (const { path, identity } of dead) {
      // Whoever slept may have gone on with it since it was listed.
      if ((await dataset.store.stat(path, call))?.identity === identity) await dataset.store.remove(path, call)
    }
  }
  const bytes = dead.reduce((sum, { size }) => sum + size, 0)
  return { uploads: dead.length, bytes, lock: await takeDeadLock(dataset, dryRun, call) }
}

async function waitingFiles(dataset: StoredDataset, call: CallOptions): Promise<readonly Entry[]> {
  const found: Entry[] = []
  for await (const { path, file } of dataset.store.children(dataset.directory, call)) {
    if (file !== undefined || !/\/(ora-remote-[^/]+|riastore)$/.test(path)) continue
    for await (const below of dataset.store.children(path, call)) {
      if (below.file !== undefined || !WAITING.test(below.path.slice(dataset.directory.length + 1))) continue
      for await (const entry of dataset.store.list(below.path, call)) {
        if (isTemporaryName(fileNameOf(entry.path))) found.push(entry)
      }
    }
  }
  return found
}

/** By the clock of the store; where nothing may be written, by ours. */
async function olderThan(
  dataset: StoredDataset,
  ms: number,
  dryRun: boolean,
  call: CallOptions,
): Promise<(entry: Entry) => boolean> {
  const now = dryRun ? Date.now() : await timeOf(dataset, call)
  return ({ mtimeMs }) => mtimeMs !== undefined && now - mtimeMs > ms
}

async function timeOf({ store, directory }: StoredDataset, call: CallOptions): Promise<number> {
  const path = `${directory}/${temporaryName()}`
  await store.put(path, bufferSource(''), { ...call, within: directory })
  try {
    return (await store.stat(path, call))?.mtimeMs ?? 0
  } finally {
    await store.remove(path)
  }
}

async function takeDeadLock(dataset: StoredDataset, dryRun: boolean, call: CallOptions): Promise<Tidied['lock']> {
  const isThere = (await dataset.store.stat(lockPath(dataset.directory), call)) !== undefined
  if (!isThere && !(await hasLeftovers(dataset, call))) return 'none'
  if (dryRun) return isThere ? 'held' : 'removed'
  try {
    await withLock(dataset, call, async (lock, signal) => {
      await removeLeftovers(dataset, new Changes(dataset, lock, { signal }), { signal })
    })
    return 'removed'
  } catch (error) {
    if (isStoreError(error, 'conflict') && error.op === 'lock') return 'held'
    throw error
  }
}

/** Of a run that lost its lock, and was killed. */
async function hasLeftovers(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  const archives = archivesDirectory(dataset.directory)
  for await (const { path, file } of dataset.store.children(archives, call)) {
    if (file !== undefined && isTemporaryName(fileNameOf(path))) return true
  }
  return false
}
