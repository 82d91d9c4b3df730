import pLimit from 'p-limit'
import type { RemoveOptions, Store } from './store.ts'

/**
 * Removes files: with few requests where the store takes many at once, else one by one. Absent is
 * success. When it rejects, some may be gone.
 */
export async function removeFiles(store: Store, paths: readonly string[], options: RemoveOptions = {}): Promise<void> {
  if (store.removeAll !== undefined && paths.length > 1) {
    const { pruneParents: _none, ...call } = options
    return store.removeAll(paths, call)
  }
  const places = pLimit(store.traits.maxInFlight)
  let failure: { readonly error: unknown } | undefined
  const remove = async (path: string) => {
    if (failure !== undefined) return
    await store.remove(path, options).catch((error: unknown) => {
      failure ??= { error }
    })
  }
  await Promise.all(paths.map((path) => places(remove, path)))
  if (failure !== undefined) throw (failure as { error: unknown }).error
}
