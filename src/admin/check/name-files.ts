import { isStoreError } from '../../core/errors.ts'
import { annexKeyOf } from '../../git/annexed-file.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { readRefs } from '../../git/read-remote.ts'
import { Revision } from '../../git/revision.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

/** git-annex's own branch, and those by which it syncs, have no files of people. */
const NOT_WORKED_ON = /^refs\/heads\/(git-annex$|synced\/)/

/**
 * Which file has each of some keys, `sub-01/x.dat at main`: first those of the branch that HEAD
 * points to, then of other branches and tags, until all are found. A key that no file has, or where
 * git's objects cannot be read, is not in the answer.
 */
export async function nameFiles(
  dataset: StoredDataset,
  keys: ReadonlySet<string>,
  call: CallOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  if (keys.size === 0) return names
  try {
    const { head, refs } = await readRefs(dataset, call)
    const objects = new ObjectReader(dataset, call)
    const wanted = [...refs].filter(([ref]) => /^refs\/(heads|tags)\//.test(ref) && !NOT_WORKED_ON.test(ref))
    wanted.sort(([a], [b]) => Number(b === head) - Number(a === head))
    const seen = new Set<string>()
    for (const [ref, id] of wanted) {
      if (names.size === keys.size) break
      const revision = await Revision.open(dataset, objects, id)
      const top = await revision.find('')
      if (top === undefined || seen.has(top.id)) continue
      seen.add(top.id)
      for await (const entry of revision.list(top, true)) {
        const key = await annexKeyOf(revision, entry)
        if (key === undefined || !keys.has(key) || names.has(key)) continue
        names.set(key, `${entry.path} at ${ref.replace(/^refs\/(heads|tags)\//, '')}`)
        if (names.size === keys.size) break
      }
    }
  } catch (error) {
    // What is wrong with git's objects is told of itself.
    if (!isStoreError(error, 'missing', 'corrupt', 'unsupported')) throw error
  }
  return names
}
