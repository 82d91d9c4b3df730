import { bufferSource } from '../../core/source.ts'
import { punchedPath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'

/**
 * Says, before the first hole is made, that dropped members of this archive may be holes, or become
 * some: a run whose lock was taken away may wake up between its last look and the act. Until
 * another archive takes the place of this one nobody removes a loose copy because the archive has
 * the key. Throws StoreError.
 */
export async function markPunched(
  dataset: StoredDataset,
  { sharing, signal }: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  const path = punchedPath(dataset.directory)
  if (await isPunched(dataset, { signal })) return
  await dataset.store.put(path, bufferSource(''), { signal, within: dataset.directory, sharing })
}

/** Whether members of the archive may be holes. */
export async function isPunched(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  return (await dataset.store.stat(punchedPath(dataset.directory), call)) !== undefined
}
