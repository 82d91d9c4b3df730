import * as fs from 'node:fs'
import { Bandwidth } from '../core/bandwidth.ts'
import { isStoreError, StoreError } from '../core/errors.ts'
import { keyFileName } from '../core/key.ts'
import type { Bytes } from '../core/source.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { toFsPath } from '../core/text.ts'
import type { GivenKeys } from '../ria/keys/given-keys.ts'
import { findMember } from '../ria/keys/member-names.ts'
import { keyAtPlace, objectsDirectory, placesOf } from '../ria/layout/places.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { listTombstones } from '../ria/layout/tombstones.ts'
import { childrenOf } from '../store/children-of.ts'
import type { Entry, Stat, Store } from '../store/store.ts'
import { type CheckedKey, SMALL_BYTES } from './clone/content.ts'
import { objectSource, readSmallObject } from './object-source.ts'
import { type OpenRemote, openArchive } from './open-remote.ts'
import type { Pack } from './put-options.ts'

/** Keys of the clone that are to go into an archive, by their numbers in a table. */
export interface KeysToPack {
  readonly table: KeyTable
  readonly numbers: Iterable<number>
  readonly checked: (number: number) => CheckedKey
  /** Its object. Throws StoreError `missing` when there is none any more. */
  readonly file: (number: number) => string
}

export interface PackOptions {
  readonly pack: Pack
  readonly signal: AbortSignal | undefined
  /** The archive has it. */
  readonly onPacked: (number: number) => void
}

/**
 * Puts keys straight into a dataset's archive. Where there is one already compaction does it: it is
 * shown the store with these keys in it, loose, as if they had been uploaded; so it takes its lock,
 * builds the new archive, reads every key back from it and swaps it in as always. Keys that are
 * left out are not told of by `onPacked`. Throws StoreError and what `pack` throws.
 */
export async function packKeys(opened: OpenRemote, keys: KeysToPack, options: PackOptions): Promise<void> {
  const { pack, signal, onPacked } = options
  const call = { signal }
  const { store, directory, layout } = opened
  const { version } = layout.dataset
  const numbers = Uint32Array.from(keys.numbers)
  if (numbers.length === 0) return
  const given = givenKeys(keys, numbers)
  if (await pack.intoNew(new StoredDataset(store, directory), given, { ...call, version, onPacked })) return
  const local = new LocalKeys(opened, keys, numbers)
  await pack.intoOld(new StoredDataset(withLocalKeys(store, local), directory), call)
  const archive = await openArchive(opened, call)
  if (archive === undefined) return
  try {
    const dropped = await listTombstones(new StoredDataset(opened.store, opened.directory), call)
    for (const number of local.numbers()) {
      const { key, size } = keys.checked(number)
      if (dropped.has(keyFileName(key.text))) continue
      const member = await findMember(archive, key.text)
      if (member?.size === size) onPacked(number)
    }
  } finally {
    await archive.close()
  }
}

function givenKeys({ table, checked, file }: KeysToPack, numbers: Uint32Array): GivenKeys {
  const buffer = Buffer.allocUnsafeSlow(SMALL_BYTES + 1)
  return {
    limit: table.size,
    numbers: () => numbers,
    text: (number) => table.text(number),
    size: (number) => checked(number).size,
    read: (number, signal) => {
      const key = checked(number)
      const content = key.size > SMALL_BYTES ? undefined : readSmallObject(file(number), key, buffer)
      return content ?? readObject(file(number), key, signal)
    },
  }
}

function readObject(file: string, checked: CheckedKey, signal: AbortSignal | undefined): Bytes {
  return objectSource(file, checked, { bandwidth: new Bandwidth(undefined), onBytes: () => {} }).open(signal)
}

/** Keys of the clone as files below a dataset's annex/objects: some bytes for each, no object. */
class LocalKeys {
  readonly #keys: KeysToPack
  readonly #objects: string
  readonly #version: string
  /** By their first directories, which is how they are listed. */
  readonly #below = new Map<string, number[]>()
  /** By number: 1 as long as nobody took the key away. */
  readonly #isThere: Uint8Array

  constructor({ directory, layout }: OpenRemote, keys: KeysToPack, numbers: Iterable<number>) {
    this.#keys = keys
    this.#objects = objectsDirectory(directory)
    this.#version = layout.dataset.version
    this.#isThere = new Uint8Array(keys.table.size)
    for (const number of numbers) {
      const path = this.#path(number)
      const below = path.slice(0, path.indexOf('/', this.#objects.length + 1))
      const there = this.#below.get(below)
      if (there === undefined) this.#below.set(below, [number])
      else there.push(number)
      this.#isThere[number] = 1
    }
  }

  /** All of them, also those that were taken away. */
  *numbers(): IterableIterator<number> {
    for (const numbers of this.#below.values()) yield* numbers
  }

  /** Whether a path is for a loose key, one of these or not. */
  owns(path: string): boolean {
    return path === this.#objects || path.startsWith(`${this.#objects}/`)
  }

  stat(path: string): Stat | undefined {
    const number = this.#numberAt(path)
    return number === undefined ? undefined : this.#stat(number)
  }

  /** Throws StoreError `missing` when it is not one of these. */
  open(path: string, signal: AbortSignal | undefined): { readonly stat: Stat; readonly bytes: Bytes } {
    const number = this.#numberAt(path)
    const stat = number === undefined ? undefined : this.#stat(number)
    if (number === undefined || stat === undefined) {
      throw new StoreError({ kind: 'missing', op: 'get', where: path, message: 'no such key is to be packed' })
    }
    const { checked, file } = this.#keys
    return { stat, bytes: readObject(file(number), checked(number), signal) }
  }

  forget(path: string): void {
    const number = this.#numberAt(path)
    if (number !== undefined) this.#isThere[number] = 0
  }

  async *list(directory: string): AsyncGenerator<Entry, void, void> {
    for (const number of directory === this.#objects ? this.numbers() : (this.#below.get(directory) ?? [])) {
      const stat = this.#isThere[number] === 1 ? this.#stat(number) : undefined
      if (stat !== undefined) yield { path: this.#path(number), ...stat }
    }
  }

  #path(number: number): string {
    const [place = ''] = placesOf(this.#keys.table.text(number), this.#version)
    return `${this.#objects}/${place}`
  }

  #numberAt(path: string): number | undefined {
    const found = keyAtPlace(path.slice(this.#objects.length + 1))
    const number = found && this.#keys.table.find(found.key)
    if (number === undefined || this.#isThere[number] !== 1) return undefined
    return this.#path(number) === path ? number : undefined
  }

  /** Of an object, which nobody changes. Undefined when it was dropped meanwhile. */
  #stat(number: number): Stat | undefined {
    try {
      const stats = fs.statSync(toFsPath(this.#keys.file(number)), { throwIfNoEntry: false })
      if (stats === undefined) return undefined
      const { size } = this.#keys.checked(number)
      return { size, mtimeMs: stats.mtimeMs, identity: `${stats.size}-${stats.mtimeMs}-${stats.ino}` }
    } catch (error) {
      if (isStoreError(error, 'missing')) return undefined
      throw error
    }
  }
}

/**
 * The store, in which keys of the clone seem to lie loose: they can be read there, and to remove
 * them does nothing. No other loose key is seen.
 */
function withLocalKeys(store: Store, local: LocalKeys): Store {
  return {
    // It is read here, so it is packed here.
    traits: { ...store.traits, local: false, exec: false },
    stat: async (path, options) => (local.owns(path) ? local.stat(path) : store.stat(path, options)),
    statAll: async (paths, options) => {
      const ours = paths.map((path) => (local.owns(path) ? { stat: local.stat(path) } : undefined))
      const others = await store.statAll(
        paths.filter((_path, i) => ours[i] === undefined),
        options,
      )
      const found = others[Symbol.iterator]()
      return ours.map((mine) => (mine === undefined ? found.next().value : mine.stat))
    },
    get: async (path, consume, options) => {
      if (!local.owns(path)) return store.get(path, consume, options)
      const { stat, bytes } = local.open(path, options?.signal)
      await consume(bytes, stat)
    },
    put: (path, source, options) => store.put(path, source, options),
    remove: async (path, options) => (local.owns(path) ? local.forget(path) : store.remove(path, options)),
    removeAll:
      store.removeAll &&
      (async (paths, options) =>
        store.removeAll?.(
          paths.filter((path) => !local.owns(path)),
          options,
        )),
    list: (directory, options) => (local.owns(directory) ? local.list(directory) : store.list(directory, options)),
    children: (directory, options) =>
      local.owns(directory) ? childrenOf(directory, local.list(directory)) : store.children(directory, options),
    append: (path, content, options) => store.append(path, content, options),
    // Compaction puts a copy aside before it removes it.
    move: async (from, to, options) => (local.owns(from) ? local.forget(from) : store.move(from, to, options)),
    freeBytes: (directory, options) => store.freeBytes(directory, options),
    exec: (command, options) => store.exec(command, options),
    close: async () => {},
  }
}
