import type { ArchiveId } from './archive-id.ts'
import type { IndexCache } from './index-cache.ts'
import { FileStorage, type IndexStorage, MemoryStorage } from './index-storage.ts'
import { MemberIndex } from './member-index.ts'
import { IndexUnwritable } from './page-file.ts'
import { type ArchiveFile, readEndHeader } from './read-end-header.ts'

/**
 * The index of an end header that is no longer than this is kept in memory when there is no cache.
 * Bytes.
 */
const MEMORY_HEADER_BYTES = 1024 * 1024

/**
 * Opens the index of an archive: from the cache, else from the end header. When the cache cannot be
 * written, the index is in a file without a name or in memory, for this process only. Throws
 * StoreError.
 */
export async function openIndex(
  file: ArchiveFile,
  id: ArchiveId,
  cache: IndexCache | undefined,
  signal: AbortSignal | undefined,
): Promise<MemberIndex> {
  const cached = await cache?.open(id)
  if (cached !== undefined) return cached
  for (const newPlace of placesFor(file, id, cache)) {
    const place = await newPlace().catch(() => undefined)
    if (place === undefined) continue
    try {
      await readEndHeader(file, id.digest, place.storage, signal)
      const index = await MemberIndex.open(place.storage, id.digest)
      await place.keep?.()
      return index
    } catch (error) {
      await place.drop?.()
      await place.storage.close().catch(() => {})
      if (!(error instanceof IndexUnwritable) || place.storage instanceof MemoryStorage) throw error
    }
  }
  throw new Error('memory is always there')
}

/** Where an index may be written. */
interface Place {
  readonly storage: IndexStorage
  keep?(): Promise<void>
  drop?(): Promise<void>
}

/** The best place first. */
function placesFor(file: ArchiveFile, id: ArchiveId, cache: IndexCache | undefined): readonly (() => Promise<Place>)[] {
  const inMemory = async () => ({ storage: new MemoryStorage() })
  const unnamed = async () => ({ storage: await FileStorage.createUnnamed() })
  const isSmall = cache === undefined && file.signature.headerBytes <= MEMORY_HEADER_BYTES
  if (isSmall) return [inMemory]
  return cache === undefined ? [unnamed, inMemory] : [() => cache.create(id), unnamed, inMemory]
}
