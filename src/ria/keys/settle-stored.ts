import type { StoreError } from '../../core/errors.ts'
import { type Key, keyFileName } from '../../core/key.ts'
import type { Moment } from '../../core/moment.ts'
import type { CallOptions } from '../../store/store.ts'
import { archivePath, LAYOUT_FILE } from '../layout/paths.ts'
import { tombstonePath } from '../layout/places.ts'
import { isPunched } from '../layout/punched.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'
import { removeTombstones } from '../layout/tombstones.ts'
import { lookFor } from './looks.ts'
import type { QuietDataset } from './quiet-dataset.ts'

/** A key that was stored loose. */
export interface StoredKey {
  readonly key: Key
  readonly path: string
  /** It had a tombstone before. */
  readonly dropped: boolean
  /** A moment before the upload after which nobody held the lock; undefined: somebody may have. */
  readonly since: Moment | undefined
}

/**
 * Removes what says that a key was dropped which was just stored loose, unless its member may be a
 * hole: then that would count as a copy of it. Punched is looked for now, since whoever makes holes
 * says so before they look which keys lie loose. False when the key has to be stored again.
 *
 * In an object store (`quiet`) a copy cannot be told from another of the same content, so a client
 * that packs or unpacks, and has seen a tombstone, may take a new copy for the old one and remove
 * it. It does not when there is no tombstone, so that has to go first, or nobody be at it: throws
 * `conflict` where that is not so and the member may be a hole. And a dataset that is removed has
 * no directory that could be gone: throws `missing` then, for what was stored belongs to nothing.
 */
export async function settleStored(
  dataset: StoredDataset,
  quiet: QuietDataset | undefined,
  { key, path, dropped, since }: StoredKey,
  call: CallOptions,
): Promise<boolean> {
  const fileName = keyFileName(key.text)
  if (quiet === undefined || (since !== undefined && quiet.isQuietSince(since))) {
    if (dropped && !(await isPunched(dataset, call))) await removeTombstones(dataset, [fileName], call)
    return true
  }
  if (await dataset.store.stat(tombstonePath(dataset.directory, fileName), call)) {
    if (!(await isPunched(dataset, call))) await removeTombstones(dataset, [fileName], call)
    else if ((await quiet.look(call)) === undefined) throw packedOverHoles(dataset, key)
  }
  // Only now, for a client that has removed the copy may have removed the tombstone since.
  const seen = await lookFor(dataset.store, [path, dataset.path(LAYOUT_FILE)], call)
  if (!seen.has(dataset.path(LAYOUT_FILE))) throw datasetGone(dataset)
  return seen.has(path)
}

function packedOverHoles(dataset: StoredDataset, { text }: Key): StoreError {
  const message = `key ${text} was dropped, and its place in the archive may be a hole: store it again when nobody packs or unpacks any more`
  return dataset.error('conflict', 'put', message, { path: archivePath(dataset.directory) })
}

/** That nothing is known of a dataset's keys. */
export function datasetGone(dataset: StoredDataset): StoreError {
  const message = `the dataset is not there any more: is the store mounted? (no ${LAYOUT_FILE})`
  return dataset.error('missing', 'stat', message, { path: dataset.directory })
}
