import { isStoreError } from '../../core/errors.ts'
import type { Source } from '../../core/source.ts'
import { archivesDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { PutOptions, Stat } from '../../store/store.ts'

/** So often a copy is written whose answer was lost. */
const MOST_TRIES = 4

export interface CopyOptions extends Pick<PutOptions, 'signal' | 'sharing' | 'readers' | 'mtimeMs'> {
  /** Of what is there: it is damaged. */
  readonly replaces: boolean
}

/**
 * Makes a key of the archive loose. Undefined when somebody has stored it meanwhile: that copy
 * stays, for what replaced it could be taken for ours, and taken back. In an object store a copy
 * replaces another of the same content, and nothing rests on whose it is.
 */
export async function writeCopy(
  { store, directory }: StoredDataset,
  path: string,
  source: Source,
  { replaces, ...options }: CopyOptions,
): Promise<Stat | undefined> {
  const { flat, putIfAbsent } = store.traits
  const ifAbsent = !replaces && flat !== true && putIfAbsent === 'atomic'
  const put = { ...options, temporary: archivesDirectory(directory), within: directory, ifAbsent }
  for (let tries = 1; ; tries++) {
    try {
      return await store.put(path, source, put)
    } catch (error) {
      if (!ifAbsent) throw error
      if (isStoreError(error, 'conflict')) return undefined
      // The store tries again only what it certainly did not do.
      const isLost = isStoreError(error, 'unreachable', 'transient') && !error.stalled && error.sent === 'maybe'
      if (!isLost || tries === MOST_TRIES) throw error
      if ((await store.stat(path, { signal: options.signal })) !== undefined) return undefined // ours, or not
    }
  }
}
