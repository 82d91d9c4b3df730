import { messageOf } from '../../core/errors.ts'
import { datasetDirectory } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { saidId } from '../check/said-id.ts'
import { type RecordedId, recordNewId } from '../copy/record-id.ts'
import { lastEntry } from '../trash/entry.ts'
import { removeDataset } from '../trash/remove-dataset.ts'
import { restoreDataset } from '../trash/restore-dataset.ts'

/** So long it can be brought back from the trash if this is broken off. ms. */
const KEEP_MS = 365 * 24 * 3_600_000

export interface MoveToIdOptions extends CallOptions {
  /** Its names, which go with it. */
  readonly aliases: readonly string[]
  readonly breakLock?: boolean | undefined
}

export interface MovedToId extends RecordedId {
  /** Where it is now, `abc/def-…`. */
  readonly directory: string
  /** What could not be brought along, a line each. */
  readonly problems: readonly string[]
}

/**
 * The directory for the id that a dataset says of itself, where that is another than the one in
 * which it lies. Throws StoreError `unsupported` where it says none, `denied` where something is
 * there, or in the trash under that id.
 */
export async function placeOfSaidId(dataset: StoredDataset, call: CallOptions): Promise<string> {
  const { store } = dataset
  const { readOnly } = await readLayout(dataset, call)
  if (readOnly !== undefined) throw dataset.error('unsupported', 'move', `nothing is changed here: ${readOnly}`)
  const id = await saidId(dataset, call)
  if (id === undefined) throw dataset.error('unsupported', 'move', 'it does not say any more which dataset it is')
  const directory = datasetDirectory(id)
  const taken = (what: string) => dataset.error('denied', 'move', `it stays: ${what}`, { path: directory, sent: 'no' })
  for await (const _child of store.children(directory, call))
    throw taken('there is something under the id that it says')
  if ((await lastEntry(store, id, call)) !== undefined) throw taken('a dataset of the id that it says is in the trash')
  return directory
}

/**
 * Moves a dataset within its store to where the id belongs that it says of itself: into the trash,
 * and from there to the other place, so that nobody sees it before it is whole; with its names, and
 * git-annex's record of it. A run that was killed leaves it in the trash, or at one of the places:
 * `riastore restore` with the old id goes on. Throws StoreError.
 */
export async function moveToSaidId(
  dataset: StoredDataset,
  { aliases, breakLock, signal }: MoveToIdOptions,
): Promise<MovedToId> {
  const call = { signal }
  const directory = await placeOfSaidId(dataset, call)
  const entry = await removeDataset(dataset, { ...call, aliases, keepMs: KEEP_MS, breakLock })
  const problems = [...(await restoreDataset(dataset.store, entry, { ...call, breakLock, as: directory }))]
  const ids = { from: idOf(dataset.directory), to: idOf(directory) }
  let recorded: RecordedId = { name: undefined, updated: false }
  try {
    recorded = await recordNewId(dataset.at(directory), ids, call)
  } catch (error) {
    if (signal?.aborted) throw error
    problems.push(`git-annex's record keeps the old id: ${messageOf(error)}`)
  }
  return { directory, problems, ...recorded }
}

const idOf = (directory: string) => directory.replace('/', '')
