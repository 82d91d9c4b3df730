import { isStoreError, messageOf } from '../../core/errors.ts'
import { aliasDirectory } from '../../ria/layout/alias-file.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { trashOf } from '../../ria/layout/gravestone.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

/** What became of what a server kept of a dataset besides. */
export interface ForgottenVersions {
  /** `none`: nothing is kept where this store lies. */
  readonly versioning: 'none' | 'off' | 'on' | 'suspended' | 'unknown'
  readonly removed: number
  /** Of those. Bytes. */
  readonly bytes: number
  /** Those that are still there; undefined: nobody may look. */
  readonly left: number | undefined
  /** Why there are any, or why nobody knows, in one line. */
  readonly why?: string | undefined
}

/**
 * Removes what the server kept of a dataset that was deleted for good: of its files, of what was in
 * its trash and of its names. Not being allowed to is no error: it is told. Throws StoreError,
 * `denied` in an append-only store.
 */
export async function forgetVersions(
  dataset: StoredDataset,
  aliases: readonly string[],
  call: CallOptions,
): Promise<ForgottenVersions> {
  const { store, directory } = dataset
  const none = { removed: 0, bytes: 0, left: 0 }
  if (store.keeping === undefined || store.removeOld === undefined) return { versioning: 'none', ...none }
  const { versioning = 'unknown' } = await store.keeping(call)
  if (versioning === 'off') return { versioning, ...none }
  await requireRemovable(dataset, 'remove what the server kept of', call)
  let [removed, bytes, left] = [0, 0, 0]
  let why: string | undefined
  try {
    for (const place of [directory, trashOf(directory.replace('/', '')), ...aliases.map(aliasDirectory)]) {
      const old = await store.removeOld(place, call)
      removed += old.removed
      bytes += old.bytes
      left += old.left
      why ??= old.why
    }
    return { versioning, removed, bytes, left, why }
  } catch (error) {
    if (!isStoreError(error, 'denied', 'unsupported')) throw error
    return { versioning, removed, bytes, left: undefined, why: messageOf(error) }
  }
}
