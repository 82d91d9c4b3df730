import { archivesDirectory, HOLDER, lockPath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { InodeCount } from './inodes.ts'
import type { LooseUsage } from './loose.ts'

/** What a dataset's keys take up. */
export interface Usage {
  readonly looseKeys: number
  readonly looseBytes: number
  readonly archivedKeys: number
  readonly archiveBytes: number
  /**
   * Files and directories below annex/objects and archives, a lock and what belongs to it aside;
   * undefined when that was not counted, and where there are none.
   */
  readonly inodes: number | undefined
}

/** What a dataset takes up, by what is known of its keys. */
export async function usageOf(
  dataset: StoredDataset,
  loose: LooseUsage,
  archive: Stat | undefined,
  archivedKeys: number,
  call: CallOptions = {},
): Promise<Usage> {
  return {
    looseKeys: loose.count,
    looseBytes: loose.bytes,
    archivedKeys,
    archiveBytes: archive?.size ?? 0,
    inodes: dataset.store.traits.flat ? undefined : loose.inodes + (await countArchives(dataset, call)),
  }
}

async function countArchives(dataset: StoredDataset, call: CallOptions): Promise<number> {
  const archives = archivesDirectory(dataset.directory)
  const inodes = new InodeCount()
  for await (const { path } of dataset.store.list(archives, call)) {
    const isOfLock = path === lockPath(dataset.directory) || path.startsWith(`${archives}/${HOLDER}`)
    if (!isOfLock) inodes.add(path.slice(archives.length + 1))
  }
  return inodes.count
}
