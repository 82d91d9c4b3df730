import { StoreError } from '../../../src/core/errors.ts'
import type { CallOptions, Store } from '../../../src/store/store.ts'
import { memoryStore, put, read } from './memory-dataset.ts'
import { withMethods } from './stores.ts'

/**
 * As in an object store: to move is to copy, and then to remove; many are removed at once; there
 * are no directories.
 */
export async function copyingStore(): Promise<Store> {
  const store = await memoryStore()
  const move: Store['move'] = async (from, to, options) => {
    if ((await store.stat(from)) === undefined) {
      throw new StoreError({ kind: 'missing', op: 'move', where: from, message: 'no such object' })
    }
    options?.mayChange?.()
    await put(store, to, await read(store, from))
    await store.remove(from)
  }
  const removeAll = async (paths: readonly string[], options?: CallOptions) => {
    options?.mayChange?.()
    for (const path of paths) await store.remove(path)
  }
  const remove: Store['remove'] = (path, options) => store.remove(path, { ...options, pruneParents: 0 })
  const withoutDirectories: Store['put'] = (path, source, { within: _none, ...options } = {}) =>
    store.put(path, source, options)
  const traits = { ...store.traits, local: false, moveCopies: true, flat: true }
  return withMethods(store, { move, remove, removeAll, put: withoutDirectories, traits })
}
