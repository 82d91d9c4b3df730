import { archivedFiles, looseFiles } from '../../admin/inventory/count-keys.ts'
import type { StoredKeys } from '../../admin/inventory/stored-keys.ts'
import { isStoreError } from '../../core/errors.ts'
import { keyFileName, parseKey } from '../../core/key.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

/** Before all are listed, so many keys are looked for by themselves. */
const LOOKED_FOR = 100

/** So many are kept of a list. */
const MOST = 200_000

/** Where a listed key is: the number of its loose path, or in the archive. */
type Place = number | 'archived'

/**
 * The keys of a dataset, for who asks for many of them of a store in which each look is a request:
 * they are listed once, a thousand in a request. Only what a list shows is taken from it. What it
 * does not show may have been on its way, and is looked for by itself.
 */
export class ListedKeys implements Pick<StoredKeys, 'find'> {
  readonly #dataset: StoredDataset
  readonly #keys: StoredKeys
  readonly #lookedFor: number
  #asked = 0
  #listed: Promise<ReadonlyMap<string, Place>> | undefined

  constructor(dataset: StoredDataset, keys: StoredKeys, lookedFor = LOOKED_FOR) {
    this.#dataset = dataset
    this.#keys = keys
    this.#lookedFor = lookedFor
  }

  /** As that of StoredKeys. */
  async find(key: string, call: CallOptions = {}): ReturnType<StoredKeys['find']> {
    this.#asked += 1
    const isWorthIt = this.#dataset.store.traits.flat && this.#asked > this.#lookedFor
    if (!isWorthIt) return this.#keys.find(key, call)
    this.#listed ??= this.#list(call)
    const place = (await this.#listed).get(keyFileName(key))
    if (place === undefined) return this.#keys.find(key, call)
    return { path: place === 'archived' ? undefined : this.#keys.loosePaths(key)[place] }
  }

  async #list(call: CallOptions): Promise<ReadonlyMap<string, Place>> {
    const places = new Map<string, Place>()
    for await (const { key, fileName, entry } of looseFiles(this.#dataset, call)) {
      const at = this.#keys.loosePaths(key).indexOf(entry.path)
      const known = places.get(fileName)
      if (at >= 0 && isWhole(key, entry.size) && (typeof known !== 'number' || at < known)) places.set(fileName, at)
      if (places.size >= MOST) return places
    }
    try {
      for await (const { key, fileName, size } of archivedFiles(this.#dataset, call)) {
        if (!places.has(fileName) && isWhole(key, size)) places.set(fileName, 'archived')
        if (places.size >= MOST) break
      }
    } catch (error) {
      // Whoever looks for a key tells what is wrong with the archive.
      if (!isStoreError(error, 'corrupt', 'unsupported', 'conflict', 'missing')) throw error
    }
    return places
  }
}

function isWhole(key: string, bytes: number): boolean {
  const { size } = parseKey(key)
  return size === undefined || size === bytes
}
