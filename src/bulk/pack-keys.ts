import * as fs from 'node:fs'
import { Bandwidth } from '../core/bandwidth.ts'
import { StoreError } from '../core/errors.ts'
import { keyFileName } from '../core/key.ts'
import { toFsPath } from '../core/text.ts'
import { findMember } from '../ria/keys/member-names.ts'
import { objectsDirectory, placesOf } from '../ria/layout/places.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { listTombstones } from '../ria/layout/tombstones.ts'
import { childrenOf } from '../store/children-of.ts'
import type { Entry, Stat, Store } from '../store/store.ts'
import type { CheckedKey } from './clone/content.ts'
import { objectSource } from './object-source.ts'
import { type OpenRemote, openArchive } from './open-remote.ts'
import type { Pack } from './put-options.ts'

/** A key of the clone that is to go into an archive. */
export interface KeyToPack {
  readonly number: number
  readonly checked: CheckedKey
  /** Its object. */
  readonly file: string
}

export interface PackOptions {
  readonly pack: Pack
  readonly signal: AbortSignal | undefined
  /** The archive has it. */
  readonly onPacked: (number: number) => void
}

/**
 * Puts keys straight into a dataset's archive. Compaction does it: it is shown the store with these
 * keys in it, loose, as if they had been uploaded; so it takes its lock, builds the new archive,
 * reads every key back from it and swaps it in as always. Keys that it leaves out are not told of
 * by `onPacked`. Throws StoreError and what `pack` throws.
 */
export async function packKeys(opened: OpenRemote, keys: readonly KeyToPack[], options: PackOptions): Promise<void> {
  if (keys.length === 0) return
  const { pack, signal, onPacked } = options
  await pack(withLocalKeys(opened, keys), opened.directory, signal)
  const call = { signal }
  const archive = await openArchive(opened, call)
  if (archive === undefined) return
  try {
    const dropped = await listTombstones(new StoredDataset(opened.store, opened.directory), call)
    for (const { number, checked } of keys) {
      if (dropped.has(keyFileName(checked.key.text))) continue
      const member = await findMember(archive, checked.key.text)
      if (member?.size === checked.size) onPacked(number)
    }
  } finally {
    await archive.close()
  }
}

/**
 * The store, in which keys of the clone seem to lie loose: they can be read there, and to remove
 * them does nothing. No other loose key is seen.
 */
function withLocalKeys({ store, directory, layout }: OpenRemote, keys: readonly KeyToPack[]): Store {
  const objects = objectsDirectory(directory)
  const local = new Map<string, KeyToPack>()
  /** The same by their first directories, which is how they are listed. */
  const below = new Map<string, string[]>()
  for (const key of keys) {
    const [place = ''] = placesOf(key.checked.key.text, layout.dataset.version)
    const path = `${objects}/${place}`
    local.set(path, key)
    for (const directory of [objects, path.slice(0, path.indexOf('/', objects.length + 1))]) {
      const paths = below.get(directory) ?? []
      paths.push(path)
      below.set(directory, paths)
    }
  }
  const isLocal = (path: string) => path === objects || path.startsWith(`${objects}/`)
  const look = (path: string) => {
    const key = local.get(path)
    return key === undefined ? undefined : statOf(key)
  }
  const missing = (path: string) =>
    new StoreError({ kind: 'missing', op: 'get', where: path, message: 'no such key is to be packed' })
  const listLocal = async function* (directory: string): AsyncIterable<Entry> {
    for (const path of below.get(directory) ?? []) {
      const stat = look(path)
      if (stat !== undefined) yield { path, ...stat }
    }
  }
  const forget = (path: string) => {
    local.delete(path)
  }
  return {
    // It is read here, so it is packed here.
    traits: { ...store.traits, local: false, exec: false },
    stat: async (path, options) => (isLocal(path) ? look(path) : store.stat(path, options)),
    statAll: async (paths, options) => {
      const ours = paths.map((path) => (isLocal(path) ? { stat: look(path) } : undefined))
      const others = await store.statAll(
        paths.filter((_path, i) => ours[i] === undefined),
        options,
      )
      const found = others[Symbol.iterator]()
      return ours.map((mine) => (mine === undefined ? found.next().value : mine.stat))
    },
    get: async (path, consume, options) => {
      if (!isLocal(path)) return store.get(path, consume, options)
      const key = local.get(path)
      if (key === undefined) throw missing(path)
      const source = objectSource(key.file, key.checked, { bandwidth: new Bandwidth(undefined), onBytes: () => {} })
      await consume(source.open(options?.signal), statOf(key))
    },
    put: (path, source, options) => store.put(path, source, options),
    remove: async (path, options) => (isLocal(path) ? forget(path) : store.remove(path, options)),
    removeAll:
      store.removeAll &&
      (async (paths, options) =>
        store.removeAll?.(
          paths.filter((path) => !isLocal(path)),
          options,
        )),
    list: (directory, options) => (isLocal(directory) ? listLocal(directory) : store.list(directory, options)),
    children: (directory, options) =>
      isLocal(directory) ? childrenOf(directory, listLocal(directory)) : store.children(directory, options),
    append: (path, content, options) => store.append(path, content, options),
    // Compaction puts a copy aside before it removes it.
    move: async (from, to, options) => (isLocal(from) ? forget(from) : store.move(from, to, options)),
    freeBytes: (directory, options) => store.freeBytes(directory, options),
    exec: (command, options) => store.exec(command, options),
    close: async () => {},
  }
}

/** Of an object, which nobody changes. Throws StoreError `missing` when it was dropped. */
function statOf({ file, checked }: KeyToPack): Stat {
  const stats = fs.statSync(toFsPath(file), { throwIfNoEntry: false })
  if (stats === undefined) throw new StoreError({ kind: 'missing', op: 'read', where: file, message: 'it was dropped' })
  return { size: checked.size, mtimeMs: stats.mtimeMs, identity: `${stats.size}-${stats.mtimeMs}-${stats.ino}` }
}
