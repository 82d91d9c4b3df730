import { isStoreError } from '../../core/errors.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { readRefs } from '../../git/read-remote.ts'
import { Revision } from '../../git/revision.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

/** `[datalad "dataset"]`, and `id = …` below it. */
const ID = /^\[datalad "dataset"\]\s*(?:\n(?!\[).*)*?\n\s*id\s*=\s*([0-9a-f-]{36})\s*$/m

/**
 * The id that a dataset says in the commit that HEAD leads to, `.datalad/config` there; undefined
 * where it says none, or that cannot be read.
 */
export async function saidId(dataset: StoredDataset, call: CallOptions): Promise<string | undefined> {
  const { head, refs } = await readRefs(dataset, call)
  return saidAt(dataset, new ObjectReader(dataset, call), head === undefined ? undefined : refs.get(head))
}

/** The same for a commit. */
export async function saidAt(
  dataset: StoredDataset,
  objects: ObjectReader,
  commit: string | undefined,
): Promise<string | undefined> {
  if (commit === undefined) return undefined
  const revision = await Revision.open(dataset, objects, commit).catch(ifNotThere)
  const entry = await revision?.find('.datalad/config')
  if (revision === undefined || entry?.kind !== 'file') return undefined
  return ID.exec((await revision.read(entry)).toString())?.[1]
}

function ifNotThere(error: unknown): undefined {
  if (!isStoreError(error, 'missing', 'corrupt')) throw error
}
