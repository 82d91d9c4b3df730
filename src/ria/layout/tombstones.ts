import { bufferSource } from '../../core/source.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { droppedDirectory, fileNameOf, tombstonePath } from './places.ts'
import type { StoredDataset } from './stored-dataset.ts'

/** The keys that were dropped from the archive, by file name. */
export async function listTombstones(dataset: StoredDataset, call: CallOptions = {}): Promise<Set<string>> {
  const names = new Set<string>()
  for await (const { path } of dataset.store.list(droppedDirectory(dataset.directory), call)) {
    const name = fileNameOf(path)
    if (!isTemporaryName(name)) names.add(name)
  }
  return names
}

export async function writeTombstone(
  dataset: StoredDataset,
  fileName: string,
  { sharing, ...call }: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  await dataset.store.put(tombstonePath(dataset.directory, fileName), bufferSource(''), {
    ...call,
    within: dataset.directory,
    sharing,
  })
}

/** Removes tombstones, and their directory when it is empty then. */
export async function removeTombstones(
  dataset: StoredDataset,
  fileNames: Iterable<string>,
  call: CallOptions = {},
): Promise<number> {
  const paths = [...fileNames].map((fileName) => tombstonePath(dataset.directory, fileName))
  const last = paths.pop()
  if (last === undefined) return 0
  // Pruned once: a client that makes the directory for its tombstone must not lose it again and
  // again.
  await removeFiles(dataset.store, paths, call)
  await dataset.store.remove(last, { ...call, pruneParents: 1 })
  return paths.length + 1
}
