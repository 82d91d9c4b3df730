import { isStoreError } from '../../core/errors.ts'
import { isDead, isOfAnotherBoot } from '../../core/process/owner.ts'
import { bufferSource } from '../../core/source.ts'
import { archivesDirectory, lockPath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { type FoundLock, formatLock, type LockContent, lastSign, readLock } from './lock-file.ts'

/**
 * A run that showed no life for so long, though it should each minute, and that nobody can see
 * running, may have its lock taken. ms.
 */
const SILENT_MS = 10 * 60_000

interface Place extends CallOptions {
  readonly sharing?: Sharing | undefined
}

/**
 * Whether a lock may be taken over without being told so: its process is certainly gone, or it was
 * of this host before the host was started anew, by its name, and has shown no life for long. Other
 * hosts may have the same name, so neither is enough by itself; should it live after all, it can do
 * nothing any more (holder.ts).
 */
export async function mayBeTaken(dataset: StoredDataset, found: FoundLock, call: Place): Promise<boolean> {
  if (found.content === undefined) return false
  if (isDead(found.content)) return true
  if (!isOfAnotherBoot(found.content)) return false
  const [seen, now] = [await lastSign(dataset, found, call), await timeOf(dataset, call)]
  return seen !== undefined && now !== undefined && now - seen > SILENT_MS
}

/** What the store takes for now, in ms since 1970; undefined where it does not tell. */
async function timeOf(dataset: StoredDataset, call: Place): Promise<number | undefined> {
  const path = `${archivesDirectory(dataset.directory)}/${temporaryName()}`
  const { mtimeMs } = await put(dataset, path, '', call, false)
  try {
    return mtimeMs ?? (await dataset.store.stat(path))?.mtimeMs
  } finally {
    await dataset.store.remove(path)
  }
}

/**
 * Writes a lock, or the mark of who is to have it next. Not broken off half-way: nobody would know
 * whether it is there.
 */
export async function putLock(
  dataset: StoredDataset,
  path: string,
  content: LockContent,
  place: Place,
  ifAbsent: boolean,
): Promise<Stat> {
  return put(dataset, path, formatLock(content), place, ifAbsent)
}

async function put(
  dataset: StoredDataset,
  path: string,
  text: string,
  { signal, sharing }: Place,
  ifAbsent: boolean,
): Promise<Stat> {
  signal?.throwIfAborted()
  return dataset.store.put(path, bufferSource(text), { ifAbsent, within: dataset.directory, sharing })
}

export async function removeMarks(store: Store, marks: readonly string[]): Promise<void> {
  await removeFiles(store, marks)
}

/**
 * Removes a dead lock, and only that: it is moved aside first, and put back if it turns out to be
 * somebody's new one, who was as quick as we are.
 */
export async function removeDead(dataset: StoredDataset, dead: FoundLock, options: Place): Promise<void> {
  const { signal } = options
  const path = lockPath(dataset.directory)
  const aside = `${archivesDirectory(dataset.directory)}/${temporaryName()}`
  const call = { signal }
  try {
    await dataset.store.move(path, aside, call)
  } catch (error) {
    if (isStoreError(error, 'missing')) return
    if (!isStoreError(error, 'unsupported')) throw error
    const found = await readLock(dataset, call)
    if (found?.content?.token === dead.content?.token) await dataset.store.remove(path, call)
    return
  }
  const moved = await readLock(dataset, call, aside)
  if (moved?.content !== undefined && moved.content.token !== dead.content?.token) {
    await putLock(dataset, path, moved.content, options, true)
  }
  await dataset.store.remove(aside, call)
}
