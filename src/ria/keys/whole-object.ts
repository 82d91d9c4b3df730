import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { keyPaths } from '../layout/paths.ts'
import { readLayout } from '../layout/read-layout.ts'
import { wrongLength } from './copy.ts'
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
  const key = parseKey(text)
  const loose = keyPaths(directory, dataset.version, text)
  const fail = (kind: StoreErrorKind, path: string, message: string) =>
    new StoreError({ kind, op: 'find', where: `${store.traits.root}/${path}`, message })
  for (const path of loose) {
    const stat = await store.stat(path, call)
    if (stat === undefined) continue
    if (key.size === undefined || key.size === stat.size) return path
    throw wrongLength('find', `${store.traits.root}/${path}`, stat, key)
  }
  const archive = new DatasetArchive(store, directory, undefined)
  try {
    const finder = new KeyFinder(store, directory, archive)
    const { archived } = await finder.archiveState({ key, loose }, call)
    if (archived === undefined) throw fail('missing', directory, `key ${text} is not in the store`)
  } finally {
    await archive.close()
  }
  const message = `key ${text} is in the dataset's archive, and a link can lead to a whole object only: get it with git-annex, or run riastore unarchive`
  throw fail('unsupported', archive.path, message)
}
