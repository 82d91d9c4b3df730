import { isAppendOnly } from '../../ria/layout/append-only.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Mended } from './repaired.ts'

/**
 * What is said where a key has no good copy and yet stays as it is: in quarantine nobody would find
 * it any more, and from an append-only store nothing goes. Undefined where it may. Throws
 * StoreError.
 */
export async function whyKept(
  { store, directory }: StoredDataset,
  what: string,
  call: CallOptions,
): Promise<Mended | undefined> {
  if (!(await isAppendOnly(store, directory, call))) return undefined
  return { outcome: 'left', how: `${what}, and the store is append-only: give --from CLONE, which has good copies` }
}
