import { endOrphans } from '../../core/process/orphans.ts'
import { removeDeadWorkDirectories } from '../../core/work-directory.ts'
import { archivesDirectory, fileNameOf, HOLDER, SUCCESSOR } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Changes } from './changes.ts'

/**
 * A temporary name (store/temporary.ts), or what 7z makes of one for its own temporary file beside
 * it.
 */
const LEFTOVER = /^riastore-\d+-[0-9a-f]{12}-\d+\.tmp/

export interface LeftoverOptions extends CallOptions {
  /** Where bytes that passed through this machine waited. */
  readonly temporaryDirectory?: string | undefined
}

/**
 * Removes what a dead run left in `archives/`, and on this machine. Only the holder of the lock may
 * call it: nobody else works there. Returns the number of files in the store.
 */
export async function removeLeftovers(
  dataset: StoredDataset,
  changes: Changes,
  { temporaryDirectory, ...call }: LeftoverOptions = {},
): Promise<number> {
  await removeDeadWorkDirectories(temporaryDirectory)
  let paths = await leftovers(dataset, call)
  if (paths.length > 0 && dataset.store.traits.local) {
    // The 7z of a killed run goes on without it, and would make its file anew after that was
    // removed.
    await endOrphans()
    paths = await leftovers(dataset, call)
  }
  await changes.removeOwn(paths, 'whichever')
  return paths.length
}

async function leftovers(dataset: StoredDataset, call: CallOptions): Promise<string[]> {
  const paths: string[] = []
  for await (const { path } of dataset.store.list(archivesDirectory(dataset.directory), call)) {
    if (path.startsWith(`${archivesDirectory(dataset.directory)}/${HOLDER}`)) continue // our own: those of others are gone
    const name = fileNameOf(path)
    if (LEFTOVER.test(name) || name.startsWith(SUCCESSOR)) paths.push(path)
  }
  return paths
}
