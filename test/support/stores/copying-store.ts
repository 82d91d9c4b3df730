import { createHash } from 'node:crypto'
import { StoreError } from '../../../src/core/errors.ts'
import { collect } from '../../../src/core/source.ts'
import type { CallOptions, Entry, Stat, Store } from '../../../src/store/store.ts'
import { memoryStore, put, read } from './memory-dataset.ts'
import { withMethods } from './stores.ts'

/**
 * As in an object store: to move is to copy, and then to remove; many are removed at once; there
 * are no directories; and an object is known by its content, so one of the same content is the
 * same.
 */
export async function copyingStore(): Promise<Store> {
  return copyingFrom(await memoryStore())
}

/** The same, of what is in another store. */
export function copyingFrom(store: Store): Store {
  const etagged = async (path: string, stat: Stat | undefined): Promise<Stat | undefined> =>
    stat && { ...stat, identity: await etagOf(store, path) }
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
  return withMethods(store, {
    traits: { ...store.traits, local: false, moveCopies: true, flat: true, looksTogether: false },
    move,
    removeAll,
    remove: (path, options) => store.remove(path, { ...options, pruneParents: 0 }),
    put: async (path, source, { within: _none, ...options } = {}) => {
      const stat = await store.put(path, source, options)
      return { ...stat, identity: await etagOf(store, path) }
    },
    stat: async (path, options) => etagged(path, await store.stat(path, options)),
    statAll: async (paths, options) => {
      const found: (Stat | undefined)[] = []
      for (const path of paths) found.push(await etagged(path, await store.stat(path, options)))
      return found
    },
    get: async (path, consume, { ifMatch, ...options } = {}) => {
      const identity = (await store.stat(path)) && (await etagOf(store, path))
      if (ifMatch !== undefined && identity !== undefined && ifMatch !== identity) {
        throw new StoreError({ kind: 'conflict', op: 'get', where: path, message: 'it was replaced' })
      }
      await store.get(path, (bytes, stat) => consume(bytes, { ...stat, identity: identity ?? stat.identity }), options)
    },
    async *list(directory, options): AsyncIterable<Entry> {
      for await (const entry of store.list(directory, options))
        yield { ...entry, identity: await etagOf(store, entry.path) }
    },
  })
}

async function etagOf(store: Store, path: string): Promise<string> {
  let etag = ''
  const consume = async (bytes: AsyncIterable<Uint8Array>) => {
    etag = createHash('md5')
      .update(await collect(bytes, 64 * 1024 * 1024))
      .digest('hex')
  }
  await store.get(path, consume).catch(() => {}) // it may have gone since
  return etag
}
