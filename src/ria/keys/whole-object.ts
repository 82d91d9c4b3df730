import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { keyPaths } from '../layout/paths.ts'
import { readLayout } from '../layout/read-layout.ts'
import { DatasetArchive } from './dataset-archive.ts'
import { KeyFinder } from './key-finder.ts'

/**
 * The path of the object that is a key, whole: what a link can lead to. Throws `missing` when the
 * store does not have it, `unsupported` when it is in the archive only, `corrupt` when it is not of
 * the key's length.
 */
export async function objectOfKey(
  store: Store,
  directory: string,
  text: string,
  call: CallOptions = {},
): Promise<string> {
  const { dataset } = await readLayout(store, directory, call)
  const places = { key: parseKey(text), loose: keyPaths(directory, dataset.version, text) }
  const fail = (kind: StoreErrorKind, path: string, message: string) =>
    new StoreError({ kind, op: 'find', where: `${store.traits.root}/${path}`, message })
  const archive = new DatasetArchive(store, directory, undefined)
  try {
    const copy = await new KeyFinder(store, directory, archive).find(places, call)
    if (copy === undefined) throw fail('missing', directory, `key ${text} is not in the store`)
    if (copy.path !== undefined) return copy.path
  } finally {
    await archive.close()
  }
  const message = `key ${text} is in the dataset's archive, and a link can lead to a whole object only: get it with git-annex, or run riastore unarchive`
  throw fail('unsupported', archive.path, message)
}
