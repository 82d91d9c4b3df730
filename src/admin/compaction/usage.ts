import { Archive } from '../../archive/archive.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, HOLDER, lockPath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { InodeCount } from './inodes.ts'
import { type LooseUsage, listLoose } from './loose.ts'

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

/** Looks at a dataset as it is now. */
export async function readUsage(
  dataset: StoredDataset,
  { version, ...call }: CallOptions & { readonly version: string },
): Promise<Usage> {
  const { usage } = await listLoose(dataset, { ...call, version, filter: {}, dropped: new Set(), now: 0 })
  const path = archivePath(dataset.directory)
  const stat = await dataset.store.stat(path, call)
  if (stat === undefined) return usageOf(dataset, usage, undefined, 0, call)
  const archive = await Archive.open(dataset.store, path, { ...call, stat })
  try {
    return await usageOf(dataset, usage, stat, archive.count, call)
  } finally {
    await archive.close()
  }
}

/** The same, of what is known already. */
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
