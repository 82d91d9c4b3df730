import { parseKey } from '../../core/key.ts'
import type { CallOptions } from '../../store/store.ts'
import { keyPaths } from '../layout/paths.ts'
import { readLayout } from '../layout/read-layout.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'
import { DatasetArchive } from './dataset-archive.ts'
import { KeyFinder } from './key-finder.ts'

/**
 * The path of the object that is a key, whole: what a link can lead to. Throws `missing` when the
 * store does not have it, `unsupported` when it is in the archive only, `corrupt` when it is not of
 * the key's length.
 */
export async function objectOfKey(stored: StoredDataset, text: string, call: CallOptions = {}): Promise<string> {
  const { dataset } = await readLayout(stored, call)
  const places = { key: parseKey(text), loose: keyPaths(stored.directory, dataset.version, text) }
  const archive = new DatasetArchive(stored, undefined)
  try {
    const copy = await new KeyFinder(stored, archive).find(places, call)
    if (copy === undefined) throw stored.error('missing', 'find', `key ${text} is not in the store`)
    if (copy.path !== undefined) return copy.path
  } finally {
    await archive.close()
  }
  const message = `key ${text} is in the dataset's archive, and a link can lead to a whole object only: get it with git-annex, or run riastore unarchive`
  throw stored.error('unsupported', 'find', message, { path: archive.path })
}
