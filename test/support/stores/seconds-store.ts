import type { Entry, Stat, Store } from '../../../src/store/store.ts'
import { withMethods } from './stores.ts'

/**
 * A store in memory as if behind SFTP: files are told apart by their lengths and the second of
 * their last change, which can be set; they are renamed in one step.
 */
export function secondsFrom(store: Store): Store {
  /** Of files whose time was set. ms. */
  const times = new Map<string, number>()
  const inSeconds = (path: string, stat: Stat): Stat => {
    const mtimeMs = Math.floor((times.get(path) ?? stat.mtimeMs ?? 0) / 1000) * 1000
    return { ...stat, mtimeMs, identity: `${stat.size}-${mtimeMs}` }
  }
  const stat: Store['stat'] = async (path, options) => {
    const found = await store.stat(path, options)
    return found && inSeconds(path, found)
  }
  return withMethods(store, {
    traits: { ...store.traits, local: false },
    stat,
    statAll: async (paths, options) => {
      const found: (Stat | undefined)[] = []
      for (const path of paths) found.push(await stat(path, options))
      return found
    },
    get: (path, consume, { ifMatch: _identity, ...options } = {}) =>
      store.get(path, (bytes, found) => consume(bytes, inSeconds(path, found)), options),
    put: async (path, source, options) => {
      const made = await store.put(path, source, options)
      times.delete(path)
      if (options?.mtimeMs !== undefined) times.set(path, options.mtimeMs)
      return inSeconds(path, made)
    },
    move: async (from, to, options) => {
      await store.move(from, to, options)
      const time = times.get(from)
      if (to !== from) times.delete(from)
      times.delete(to)
      if (time !== undefined) times.set(to, time)
    },
    async *list(directory, options): AsyncIterable<Entry> {
      for await (const { path, ...found } of store.list(directory, options)) yield { path, ...inSeconds(path, found) }
    },
  })
}
