import { Archive } from '../../archive/archive.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, HOLDER, lockPath } from '../../ria/layout/places.ts'
import type { CallOptions, Stat, Store } from '../../store/store.ts'
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
  store: Store,
  directory: string,
  { version, ...call }: CallOptions & { readonly version: string },
): Promise<Usage> {
  const { usage } = await listLoose(store, directory, { ...call, version, filter: {}, dropped: new Set(), now: 0 })
  const path = archivePath(directory)
  const stat = await store.stat(path, call)
  if (stat === undefined) return usageOf(store, directory, usage, undefined, 0, call)
  const archive = await Archive.open(store, path, { ...call, stat })
  try {
    return await usageOf(store, directory, usage, stat, archive.count, call)
  } finally {
    await archive.close()
  }
}

/** The same, of what is known already. */
export async function usageOf(
  store: Store,
  directory: string,
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
    inodes: store.traits.flat ? undefined : loose.inodes + (await countArchives(store, directory, call)),
  }
}

async function countArchives(store: Store, directory: string, call: CallOptions): Promise<number> {
  const archives = archivesDirectory(directory)
  const inodes = new InodeCount()
  for await (const { path } of store.list(archives, call)) {
    const isOfLock = path === lockPath(directory) || path.startsWith(`${archives}/${HOLDER}`)
    if (!isOfLock) inodes.add(path.slice(archives.length + 1))
  }
  return inodes.count
}
