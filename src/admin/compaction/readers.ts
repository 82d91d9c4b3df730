import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { sharedFileMode } from '../../store/sharing.ts'
import type { CallOptions, Permissions, Sharing } from '../../store/store.ts'
import type { LooseKey } from './loose-table.ts'

/** Group and others may read. */
const READERS = 0o044

/** Of the archive as it is; undefined where the backend has none, or where there is no archive. */
export async function archivePermissions(dataset: StoredDataset, call: CallOptions): Promise<Permissions | undefined> {
  for await (const { path, permissions } of dataset.store.list(archivesDirectory(dataset.directory), call)) {
    if (path === archivePath(dataset.directory)) return permissions
  }
  return undefined
}

/**
 * What a new archive shall have: that of the old one, or what most keys have. Undefined where the
 * backend knows none.
 */
export function permissionsFor(keys: Iterable<LooseKey>, old: Permissions | undefined): Permissions | undefined {
  if (old !== undefined) return old
  const counts = new Map<string, { count: number; readonly permissions: Permissions }>()
  for (const { permissions } of keys) {
    if (permissions === undefined) continue
    const name = [permissions.uid, permissions.gid, permissions.mode & READERS].join()
    const group = counts.get(name) ?? { count: 0, permissions }
    group.count += 1
    counts.set(name, group)
  }
  const [most] = [...counts.values()].sort((a, b) => b.count - a.count)
  return most && { ...most.permissions, mode: 0o600 | (most.permissions.mode & READERS) }
}

/**
 * Whether a key stays loose because others may read it than may read the archive: packed it would
 * be shown to more users or, where core.sharedRepository does not say who may read, kept from some.
 */
export function hasOtherReaders(
  { permissions: key }: LooseKey,
  archive: Permissions | undefined,
  sharing: Sharing | undefined,
): boolean {
  if (key === undefined || archive === undefined) return false
  const readers = key.mode & READERS
  const shown = archiveMode(archive, sharing) & READERS
  if ((shown & ~readers) !== 0 || (sharing === undefined && shown !== readers)) return true
  if ((readers & 0o004) !== 0) return false
  return readers === 0 ? key.uid !== archive.uid : key.gid !== archive.gid
}

/** The mode of a new archive. */
export function archiveMode({ mode }: Permissions, sharing: Sharing | undefined): number {
  return (sharing ? sharedFileMode(mode, sharing) : mode) & 0o777
}
