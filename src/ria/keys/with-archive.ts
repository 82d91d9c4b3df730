import { Archive } from '../../archive/archive.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { archivePath } from '../layout/paths.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'

interface OpenOptions extends CallOptions {
  /** What the archive's file is, when the caller has looked. */
  readonly stat?: Stat | undefined
}

/**
 * Does `work` with the archive of a dataset, and closes it whatever happens. Undefined, without
 * `work`, when there is none. Throws what `Archive.open` does, `conflict` when it is not what
 * `stat` says any more.
 */
export async function withArchive<T>(
  dataset: StoredDataset,
  options: OpenOptions,
  work: (archive: Archive) => Promise<T>,
): Promise<T | undefined> {
  const { signal } = options
  const path = archivePath(dataset.directory)
  const stat = options.stat ?? (await dataset.store.stat(path, { signal }))
  if (stat === undefined) return undefined
  const archive = await Archive.open(dataset.store, path, { stat, signal })
  try {
    return await work(archive)
  } finally {
    await archive.close()
  }
}
