import { bufferSource } from '../../core/source.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { punchedPath } from './places.ts'
import type { StoredDataset } from './stored-dataset.ts'

/**
 * Says, before the first hole is made, that dropped members of this archive may be holes, or become
 * some: a run whose lock was taken away may wake up between its last look and the act. Until
 * another archive takes the place of this one nobody removes a loose copy because the archive has
 * the key, nor the tombstone of a key that is stored again. Throws StoreError.
 */
export async function markPunched(
  dataset: StoredDataset,
  { sharing, signal }: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  if (await isPunched(dataset, { signal })) return
  const options = { signal, within: dataset.directory, sharing }
  await dataset.store.put(punchedPath(dataset.directory), bufferSource(''), options)
}

/** Whether members of the archive that have a tombstone may be holes, or zeros copied from such. */
export async function isPunched({ store, directory }: StoredDataset, call: CallOptions): Promise<boolean> {
  return (await store.stat(punchedPath(directory), call)) !== undefined
}
