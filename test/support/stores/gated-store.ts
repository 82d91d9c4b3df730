import type { Store } from '../../../src/store/store.ts'
import { withMethods } from './stores.ts'

/** A store whose user is held up before one of its calls. */
export interface GatedStore {
  readonly store: Store
  /** What it was held up before; undefined when it was not. */
  readonly heldAt: string | undefined
}

/** Before the `nth` call with a path in which one of the words is, `hold` is awaited. */
export function gatedStore(store: Store, words: readonly string[], nth: number, hold: () => Promise<void>): GatedStore {
  let calls = 0
  let heldAt: string | undefined
  const pass = async (at: string) => {
    if (!words.some((word) => at.includes(word))) return
    calls += 1
    if (calls !== nth) return
    heldAt = at
    await hold()
  }
  const gated = withMethods(store, {
    async stat(path, options) {
      await pass(`stat ${path}`)
      return store.stat(path, options)
    },
    async statAll(paths, options) {
      const found = []
      for (const path of paths) found.push(await gated.stat(path, options))
      return found
    },
    async get(path, consume, options) {
      await pass(`get ${path}`)
      return store.get(path, consume, options)
    },
    async put(path, source, options) {
      await pass(`put ${path}`)
      return store.put(path, source, options)
    },
    async remove(path, options) {
      await pass(`remove ${path}`)
      return store.remove(path, options)
    },
    async move(from, to, options) {
      await pass(`move ${from}`)
      return store.move(from, to, options)
    },
    async *list(directory, options) {
      await pass(`list ${directory}`)
      yield* store.list(directory, options)
    },
    removeAll: async (paths, options) => {
      await pass(`remove ${paths.join(' ')}`)
      await store.removeAll?.(paths, options)
    },
  })
  return {
    store: gated,
    get heldAt() {
      return heldAt
    },
  }
}
