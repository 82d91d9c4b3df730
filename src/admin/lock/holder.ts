import { isStoreError } from '../../core/errors.ts'
import { REAL_TIME, type Time } from '../../core/moment.ts'
import { bufferSource } from '../../core/source.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, fileNameOf, HOLDER, holderDirectory, keyOfFileName } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { restoreKey } from './restore.ts'

/**
 * A directory of the one who holds the lock, `archives/holder-<token>`. Where a file is renamed in
 * one step, it is a fence: all that its owner deletes is renamed into it first, and all that it
 * puts in place is renamed out of it. Whoever takes the lock away empties the directory, putting
 * back what is in it, and removes it; from then on no such rename can succeed, however late it
 * comes, and be its process as good as awake. Its owner never makes it anew.
 *
 * Elsewhere (an object store) its owner writes `acting` into it before it looks whether the lock is
 * its own, and changes something only for a while after that (changes.ts). Whoever takes the lock
 * away waits until that while is over.
 */
export interface Holder {
  readonly path: string
  readonly isFence: boolean
}

/**
 * So long after `acting` was written a change may still be made: what was sent in time is done by
 * then. ms.
 */
export const ACTING_MS = 20_000

/** Names of files in it, besides those of keys on their way out. None is a key's. */
const ALIVE = 'alive'
const ACTING = 'acting'
const NEW_ARCHIVE = 'new.7z'
const OLD_ARCHIVE = 'old.7z'

export const aliveFile = (directory: string, token: string) => `${holderDirectory(directory, token)}/${ALIVE}`
export const newArchiveOf = ({ path }: Holder) => `${path}/${NEW_ARCHIVE}`
export const oldArchiveOf = ({ path }: Holder) => `${path}/${OLD_ARCHIVE}`

/**
 * While its owner is at work it goes on putting things into the directory; so often that is
 * emptied.
 */
const TRIES = 100

interface Place extends CallOptions {
  readonly sharing?: Sharing | undefined
}

/**
 * Makes it. For who has just written the lock: whoever takes that away later finds the directory.
 * Not broken off half-way, as the directory would stay.
 */
export async function makeHolder(
  dataset: StoredDataset,
  token: string,
  { sharing }: Pick<Place, 'sharing'>,
): Promise<Holder> {
  const { store, directory } = dataset
  const path = holderDirectory(directory, token)
  const alive = aliveFile(directory, token)
  try {
    await store.put(alive, bufferSource(''), { within: directory, sharing })
    return { path, isFence: !store.traits.moveCopies && (await canMove(store, alive)) }
  } catch (error) {
    await removeHolder(store, { path }).catch(() => {}) // the first error is the one to tell
    throw error
  }
}

/** Some SFTP servers rename only where nothing is in the way. */
async function canMove(store: Store, file: string): Promise<boolean> {
  try {
    await store.move(file, file, { flush: false })
    return true
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return false
  }
}

/** Shows that its owner lives. Throws `missing` when it was removed: the lock was taken away. */
export async function showLife(store: Store, { path }: Holder, call: CallOptions = {}): Promise<Stat> {
  return store.put(`${path}/${ALIVE}`, bufferSource(''), { ...call, within: path })
}

/** Says that something may be changed for a while. */
export async function showActing(store: Store, { path }: Holder, call: CallOptions = {}): Promise<void> {
  await store.put(`${path}/${ACTING}`, bufferSource(''), { ...call, within: path })
}

/** Removes it, in the end. */
export async function removeHolder(store: Store, { path }: Pick<Holder, 'path'>): Promise<void> {
  await store.remove(`${path}/${ACTING}`)
  await store.remove(`${path}/${ALIVE}`, { pruneParents: 1 })
}

export interface EndOptions extends Place {
  /** Tokens of those who had the lock before. A directory that is empty is not listed. */
  readonly before: readonly string[]
  readonly time?: Time | undefined
}

/**
 * Ends all that others can still do who had the lock before us, and puts back what they had not
 * done with.
 */
export async function endOthers(dataset: StoredDataset, own: Holder, options: EndOptions): Promise<void> {
  const { before, sharing, signal, time = REAL_TIME } = options
  const call = { signal }
  const others = new Set(before.map((token) => holderDirectory(dataset.directory, token)))
  const prefix = `${archivesDirectory(dataset.directory)}/${HOLDER}`
  for await (const { path } of dataset.store.list(archivesDirectory(dataset.directory), call)) {
    const end = path.indexOf('/', prefix.length)
    if (path.startsWith(prefix) && end > 0) others.add(path.slice(0, end))
  }
  others.delete(own.path)
  for (const other of others) {
    const acting = await dataset.store.stat(`${other}/${ACTING}`, call)
    if (acting !== undefined) await outlast(dataset.store, own, acting, time, call)
    await end(dataset, other, { ...call, sharing })
  }
}

/**
 * Waits, by the store's clock at the beginning and by our own then, until nothing can come any more
 * that rests on a look before `acting`.
 */
async function outlast(store: Store, own: Holder, acting: Stat, time: Time, call: CallOptions): Promise<void> {
  const now = (await showLife(store, own, call)).mtimeMs ?? (await store.stat(`${own.path}/${ALIVE}`, call))?.mtimeMs
  const age = now === undefined || acting.mtimeMs === undefined ? 0 : now - acting.mtimeMs
  const left = Math.min(ACTING_MS, ACTING_MS - age) // a clock that was set makes nobody wait for longer
  if (left > 0) await time.sleep(left, call.signal)
}

async function end(dataset: StoredDataset, other: string, options: Place): Promise<void> {
  const { signal } = options
  const call = { signal }
  for (let tries = 1; tries <= TRIES; tries++) {
    for await (const { path } of dataset.store.list(other, call)) await putBack(dataset, path, options)
    await dataset.store.remove(`${other}/${ALIVE}`, { ...call, pruneParents: 1 })
    if (dataset.store.traits.flat || (await isGone(dataset.store, other, call))) return
  }
  const message = 'the one who had the lock before goes on working: stop it first'
  throw dataset.error('conflict', 'lock', message, { path: other, sent: 'no' })
}

/** No directory is made: where there is none, nothing can be put. */
async function isGone(store: Store, other: string, call: CallOptions): Promise<boolean> {
  const probe = `${other}/${temporaryName()}`
  try {
    await store.put(probe, bufferSource(''), { ...call, within: other })
  } catch (error) {
    if (isStoreError(error, 'missing')) return true
    throw error
  }
  await store.remove(probe, { ...call, pruneParents: 1 })
  return false
}

/** A key that was to be deleted, and an archive, go back where nobody has put another meanwhile. */
async function putBack(dataset: StoredDataset, path: string, options: Place): Promise<void> {
  const { signal } = options
  const call = { signal }
  const name = fileNameOf(path)
  const key = keyOfFileName(name)
  if (key !== undefined) await restoreKey(dataset, path, key, options)
  else if (name === OLD_ARCHIVE && (await dataset.store.stat(archivePath(dataset.directory), call)) === undefined) {
    await dataset.store.move(path, archivePath(dataset.directory), call).catch(unlessMissing)
  }
  // Its own name may be gone already: renamed, or removed by its owner.
  await dataset.store.remove(path, call)
}

function unlessMissing(error: unknown): void {
  if (!isStoreError(error, 'missing')) throw error
}
