import { Archive } from '../../../archive/archive.ts'
import { isStoreError } from '../../../core/errors.ts'
import type { Source } from '../../../core/source.ts'
import { findMember } from '../../../ria/keys/member-names.ts'
import { archivePath } from '../../../ria/layout/paths.ts'
import { archivesDirectory, lockPath, punchedPath } from '../../../ria/layout/places.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../../store/store.ts'
import type { GoodCopies } from '../good-copies.ts'
import { memberBytes } from './member-bytes.ts'

/** What clients would find in an archive. */
export class ArchiveCopies implements GoodCopies {
  readonly where: string
  readonly #archive: Archive

  constructor(archive: Archive, where: string) {
    this.#archive = archive
    this.where = where
  }

  async find(key: string): Promise<Source | undefined> {
    const member = await findMember(this.#archive, key)
    return member && memberBytes(this.#archive, member)
  }

  close(): Promise<void> {
    return this.#archive.close()
  }
}

/** Archives that can be read beside that of a dataset: backups, and what runs had built. */
export async function archivesBeside(dataset: StoredDataset, call: CallOptions): Promise<readonly GoodCopies[]> {
  const { store, directory } = dataset
  const others = [archivePath(directory), lockPath(directory), punchedPath(directory)]
  const found: GoodCopies[] = []
  for await (const { path, file: stat } of store.children(archivesDirectory(directory), call)) {
    if (stat === undefined || others.includes(path)) continue
    try {
      found.push(new ArchiveCopies(await Archive.open(store, path, { stat, ...call }), dataset.where(path)))
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'unsupported', 'missing', 'conflict', 'denied')) throw error
    }
  }
  return found
}
