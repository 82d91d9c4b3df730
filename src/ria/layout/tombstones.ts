import { bufferSource } from '../../core/source.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Sharing, Store } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { droppedDirectory, fileNameOf, tombstonePath } from './places.ts'

/** The keys that were dropped from the archive, by file name. */
export async function listTombstones(store: Store, directory: string, call: CallOptions = {}): Promise<Set<string>> {
  const names = new Set<string>()
  for await (const { path } of store.list(droppedDirectory(directory), call)) {
    const name = fileNameOf(path)
    if (!isTemporaryName(name)) names.add(name)
  }
  return names
}

export async function writeTombstone(
  store: Store,
  directory: string,
  fileName: string,
  { sharing, ...call }: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  await store.put(tombstonePath(directory, fileName), bufferSource(''), {
    ...call,
    within: directory,
    sharing,
  })
}

/** Removes tombstones, and their directory when it is empty then. */
export async function removeTombstones(
  store: Store,
  directory: string,
  fileNames: Iterable<string>,
  call: CallOptions = {},
): Promise<number> {
  const paths = [...fileNames].map((fileName) => tombstonePath(directory, fileName))
  const last = paths.pop()
  if (last === undefined) return 0
  // Pruned once: a client that makes the directory for its tombstone must not lose it again and
  // again.
  await removeFiles(store, paths, call)
  await store.remove(last, { ...call, pruneParents: 1 })
  return paths.length + 1
}
