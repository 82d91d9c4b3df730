import { isStoreError, messageOf } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import { keyOfMember, memberFileName } from '../../ria/keys/member-names.ts'
import { withArchive } from '../../ria/keys/with-archive.ts'
import { archivePath, LAYOUT_FILE } from '../../ria/layout/paths.ts'
import {
  archivesDirectory,
  fileNameOf,
  HOLDER,
  keyAtPlace,
  keyOfFileName,
  lockPath,
  objectsDirectory,
  placesOf,
} from '../../ria/layout/places.ts'
import { readLayout, readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Entry, Permissions, Sharing } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import type { Problem, Report } from './problem.ts'

/** An upload that has not moved for so long is dead. ms. */
export const DEAD_MS = 24 * 3_600_000

/** How to get a good copy of a key in the place of a damaged one. */
export function repairFrom(dataset: StoredDataset): string {
  return `riastore repair --from CLONE STORE ${dataset.name}; or, in a clone that has the content, git annex fsck --from the storage sibling and git annex copy --to it`
}

type Tell = (problem: Omit<Problem, 'dataset'>) => void

/** What was looked at. */
export interface KeysSeen {
  readonly keys: number
  readonly bytes: number
}

/**
 * Looks at where a dataset's keys lie, how long they are and who may read them, at the index of its
 * archive, and at what dead runs left; not at their content. Throws StoreError when the store
 * cannot be reached, or has no such dataset.
 */
export async function checkKeys(dataset: StoredDataset, report: Report, call: CallOptions = {}): Promise<KeysSeen> {
  const id = dataset.directory.replace('/', '')
  const tell: Tell = (problem) => report({ ...problem, dataset: id })
  const layout = await readLayout(dataset, call)
  if (layout.readOnly !== undefined) {
    const path = dataset.path(LAYOUT_FILE)
    const message = `${layout.readOnly}: it is only read`
    tell({ code: 'layout', weight: 'warning', message, path, mend: 'use a newer riastore' })
  }
  const loose = await checkLoose(dataset, layout.dataset.version, tell, call)
  const archived = await checkArchive(dataset, tell, call)
  await checkLeftovers(dataset, tell, call)
  return { keys: loose.keys + archived.keys, bytes: loose.bytes + archived.bytes }
}

async function checkLoose(dataset: StoredDataset, version: string, tell: Tell, call: CallOptions): Promise<KeysSeen> {
  const top = objectsDirectory(dataset.directory)
  const readers = new Readers(await readSharing(dataset, call).catch(ifUnreadable))
  let [keys, bytes] = [0, 0]
  for await (const entry of dataset.store.list(top, call)) {
    const place = entry.path.slice(top.length + 1)
    if (isTemporaryName(fileNameOf(place))) {
      tellLeftover(entry, tell, mendOf(dataset))
      continue
    }
    keys += 1
    bytes += entry.size
    checkPlace(dataset, version, place, entry, tell)
    readers.add(entry)
  }
  readers.tell(tell, dataset.name)
  return { keys, bytes }
}

function ifUnreadable(error: unknown): undefined {
  if (!isStoreError(error, 'unsupported', 'corrupt', 'denied')) throw error
}

function checkPlace(dataset: StoredDataset, version: string, place: string, entry: Entry, tell: Tell): void {
  const { path, size, mtimeMs: sinceMs } = entry
  const found = keyAtPlace(place)
  const key = found?.key ?? keyOfFileName(fileNameOf(place))
  if (found === undefined || !placesOf(found.key, version).includes(place)) {
    const message = key === undefined ? 'this is no key' : 'no client looks for the key here'
    const mend =
      key === undefined
        ? `riastore repair STORE ${dataset.name} keeps it in quarantine/`
        : `riastore repair STORE ${dataset.name} moves it to ${mendedPlace(dataset, key, version)}`
    tell({ code: 'key-misplaced', weight: 'warning', message, path, key, sinceMs, mend })
    return
  }
  const wanted = parseKey(found.key).size
  if (wanted === undefined || wanted === size) return
  const message = `the copy is damaged: it has ${size} bytes, the key ${wanted}`
  tell({ code: 'key-size', weight: 'damage', message, path, key, sinceMs, mend: repairFrom(dataset) })
}

function mendedPlace(dataset: StoredDataset, key: string, version: string): string {
  return dataset.where(`${objectsDirectory(dataset.directory)}/${placesOf(key, version)[0]}`)
}

/**
 * The mode that a loose key should have: its own, if all who should can read it, and not all write.
 */
export function rightMode({ mode }: Permissions, sharing: Sharing | undefined): number {
  return (mode | 0o400 | ((sharing?.mode ?? 0) & 0o444)) & ~0o002
}

/** Who may read loose keys, told once for all of them. */
class Readers {
  readonly #sharing: Sharing | undefined
  #first: Permissions | undefined
  #others: { readonly entry: Entry; count: number } | undefined
  #closed: { readonly entry: Entry; count: number } | undefined

  constructor(sharing: Sharing | undefined) {
    this.#sharing = sharing
  }

  add(entry: Entry): void {
    const { permissions } = entry
    if (permissions === undefined) return
    this.#first ??= permissions
    const isForeign = permissions.uid !== this.#first.uid && this.#sharing === undefined
    if (isForeign) this.#others = { entry: this.#others?.entry ?? entry, count: (this.#others?.count ?? 0) + 1 }
    const isClosed = rightMode(permissions, this.#sharing) !== permissions.mode
    if (isClosed) this.#closed = { entry: this.#closed?.entry ?? entry, count: (this.#closed?.count ?? 0) + 1 }
  }

  tell(tell: Tell, name: string): void {
    if (this.#others !== undefined) {
      const { entry, count } = this.#others
      const message = `${count} of the keys belong to other users than the first, and core.sharedRepository is not set: some cannot drop them`
      const mend = 'chown them, or set core.sharedRepository in the dataset'
      tell({ code: 'owner', weight: 'warning', message, path: entry.path, mend })
    }
    if (this.#closed !== undefined) {
      const { entry, count } = this.#closed
      const message = `${count} of the keys cannot be read by all who should, or be written by everybody`
      const mend = `riastore repair STORE ${name}`
      tell({ code: 'mode', weight: 'warning', message, path: entry.path, mend })
    }
  }
}

/** The headers, the index and the place of every member. */
async function checkArchive(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<KeysSeen> {
  const path = archivePath(dataset.directory)
  let [keys, bytes] = [0, 0]
  try {
    await withArchive(dataset, call, async (archive) => {
      const dropped = await listTombstones(dataset, call)
      for await (const { name, size } of archive.members(call)) {
        keys += 1
        bytes += size
        const found = keyOfMember(name)
        if (dropped.has(memberFileName(name))) continue // the next packing leaves it out
        const wanted = found === undefined ? undefined : parseKey(found.key).size
        const sinceMs = archive.stat.mtimeMs
        if (found?.isFindable !== true) {
          const message = `no client looks for the member ${name}`
          const key = keyOfFileName(memberFileName(name))
          const mend = mendOf(dataset)
          tell({ code: 'archive-member', weight: 'warning', message, path, key, member: name, sinceMs, mend })
        } else if (wanted !== undefined && wanted !== size) {
          const message = `the archived copy is damaged: it has ${size} bytes, the key ${wanted}`
          tell({
            code: 'key-size',
            weight: 'damage',
            message,
            path,
            key: found.key,
            sinceMs,
            mend: repairFrom(dataset),
          })
        }
      }
    })
  } catch (error) {
    if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
    const mend = isStoreError(error, 'unsupported')
      ? 'read it with a program that can'
      : `riastore repair --from CLONE STORE ${dataset.name} brings back its keys, and keeps it in quarantine/`
    tell({ code: 'archive-damaged', weight: 'damage', message: messageOf(error), path, mend })
  }
  return { keys, bytes }
}

async function checkLeftovers(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const archives = archivesDirectory(dataset.directory)
  let lock: Entry | undefined
  const held: Entry[] = []
  for await (const entry of dataset.store.list(archives, call)) {
    if (entry.path === lockPath(dataset.directory)) lock = entry
    else if (entry.path.startsWith(`${archives}/${HOLDER}`)) held.push(entry)
    else if (isTemporaryName(fileNameOf(entry.path))) tellLeftover(entry, tell, mendOf(dataset))
  }
  // A run that lives shows it there, not by the lock file, however long it takes.
  if (held.every(isOld)) {
    if (lock !== undefined && isOld(lock)) tellLock(dataset, lock, tell)
    // Keys may be among them that are nowhere else: whoever takes the lock puts them back.
    for (const entry of held)
      tellLeftover(entry, tell, `riastore repair STORE ${dataset.name} puts back what it has to`)
  }
  for await (const { path, file } of dataset.store.children(dataset.directory, call)) {
    if (file !== undefined || !fileNameOf(path).startsWith('ora-remote-')) continue
    for await (const entry of dataset.store.list(`${path}/transfer`, call)) tellLeftover(entry, tell, mendOf(dataset))
  }
}

function mendOf({ name }: StoredDataset): string {
  return `riastore repair STORE ${name}`
}

function tellLock(dataset: StoredDataset, { path, mtimeMs: sinceMs }: Entry, tell: Tell): void {
  const message = 'the lock of the archive is old, and who took it has shown no life for long'
  const mend = `riastore repair STORE ${dataset.name}; with --break-lock once you know that nobody is at work there`
  tell({ code: 'lock', weight: 'warning', message, path, sinceMs, mend })
}

function tellLeftover(entry: Entry, tell: Tell, mend: string): void {
  if (!isOld(entry)) return
  const { path, size, mtimeMs: sinceMs } = entry
  const message = `a dead upload or run left ${size} bytes`
  tell({ code: 'leftover', weight: 'warning', message, path, sinceMs, mend })
}

function isOld({ mtimeMs }: Entry): boolean {
  return mtimeMs !== undefined && Date.now() - mtimeMs > DEAD_MS
}
