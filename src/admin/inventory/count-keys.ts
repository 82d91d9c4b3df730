import { Archive } from '../../archive/archive.ts'
import { keyOfMember } from '../../ria/keys/member-names.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { fileNameOf, keyAtPlace, objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'

/** The keys of a dataset. A key that is loose and archived counts in both. */
export interface KeyCounts {
  readonly loose: number
  readonly looseBytes: number
  readonly archived: number
  /** Of the keys, in bytes, as they come out of the archive. */
  readonly archivedBytes: number
  /** Of the archive's file. */
  readonly archiveBytes: number
}

/** A file that holds a key. */
export interface LooseFile {
  readonly key: string
  readonly fileName: string
  /** Below annex/objects. */
  readonly place: string
  readonly entry: Entry
}

/** A key in a dataset's archive that clients find there. */
export interface ArchivedFile {
  readonly key: string
  readonly fileName: string
  /** Of the member. */
  readonly name: string
  /** Length in bytes. */
  readonly size: number
}

/** Every file of a dataset that is named as a key is, wherever it lies below annex/objects. */
export async function* looseFiles(dataset: StoredDataset, call: CallOptions): AsyncGenerator<LooseFile, void, void> {
  const top = objectsDirectory(dataset.directory)
  for await (const entry of dataset.store.list(top, call)) {
    const place = entry.path.slice(top.length + 1)
    const found = isTemporaryName(fileNameOf(place)) ? undefined : keyAtPlace(place)
    if (found !== undefined) yield { ...found, place, entry }
  }
}

/** Opens a dataset's archive, for a caller that closes it; undefined when there is none. */
export async function openArchive(
  { store, directory }: StoredDataset,
  call: CallOptions,
): Promise<Archive | undefined> {
  const path = archivePath(directory)
  const stat = await store.stat(path, call)
  return stat && Archive.open(store, path, { stat, signal: call.signal })
}

/** The keys that clients get from a dataset's archive: those that were dropped are none of them. */
export async function* archivedFiles(
  dataset: StoredDataset,
  call: CallOptions,
): AsyncGenerator<ArchivedFile, void, void> {
  const archive = await openArchive(dataset, call)
  if (archive === undefined) return
  try {
    const dropped = await listTombstones(dataset, call)
    for await (const { name, size } of archive.members(call)) {
      const found = keyOfMember(name)
      if (found?.isFindable && !dropped.has(found.fileName)) yield { ...found, name, size }
    }
  } finally {
    await archive.close()
  }
}

/** Counts a dataset's keys by listing them. Throws StoreError. */
export async function countKeys(dataset: StoredDataset, call: CallOptions = {}): Promise<KeyCounts> {
  let [loose, looseBytes, archived, archivedBytes] = [0, 0, 0, 0]
  for await (const { entry } of looseFiles(dataset, call)) {
    loose += 1
    looseBytes += entry.size
  }
  for await (const { size } of archivedFiles(dataset, call)) {
    archived += 1
    archivedBytes += size
  }
  const archive = await dataset.store.stat(dataset.path('archives/archive.7z'), call)
  return { loose, looseBytes, archived, archivedBytes, archiveBytes: archive?.size ?? 0 }
}
