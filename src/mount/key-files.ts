import { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { checksumOf } from '../core/checksum.ts'
import { isStoreError } from '../core/errors.ts'
import { parseKey } from '../core/key.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { KeyCache } from './cache/key-cache.ts'
import type { KeySource } from './cache/key-source.ts'
import { FuseError } from './fuse/opcodes.ts'
import type { OpenFile } from './tree.ts'

export interface KeyFilesOptions {
  readonly cache: KeyCache
  /** Where indices of archives are kept. */
  readonly indexDirectory: string
  /** Ends all that is under way. */
  readonly signal: AbortSignal
  /** A key was read whole, and is good. `name`: what it is called in the cache. */
  readonly onWhole?: ((key: string, name: string) => void) | undefined
}

const EMPTY: OpenFile = { isGood: true, read: async () => Buffer.alloc(0), close: () => {} }

/** The keys of a dataset in a store, as files that are read. */
export class KeyFiles {
  readonly #dataset: StoredDataset
  readonly #keys: StoredKeys
  readonly #options: KeyFilesOptions

  private constructor(dataset: StoredDataset, keys: StoredKeys, options: KeyFilesOptions) {
    this.#dataset = dataset
    this.#keys = keys
    this.#options = options
  }

  /** Throws StoreError. */
  static async open(dataset: StoredDataset, options: KeyFilesOptions): Promise<KeyFiles> {
    const { indexDirectory, signal } = options
    return new KeyFiles(dataset, await StoredKeys.open(dataset, indexDirectory, { signal }), options)
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#keys.close()
  }

  /** Bytes; undefined where neither the key's name nor a copy tells. */
  sizeOf(key: string): Promise<number | undefined> {
    return this.#keys.sizeOf(key, this.#call)
  }

  /** `size`: undefined is what is not there. Throws FuseError and StoreError. */
  async open(key: string, size: number | undefined): Promise<OpenFile> {
    // Content that comes later would be taken for an empty file.
    if (size === undefined) return absent()
    if (size === 0) return (await this.#keys.has(key, this.#call)) ? EMPTY : absent()
    const { cache } = this.#options
    const cached = await cache.acquire(this.#source(key, size))
    const read: OpenFile['read'] = async (offset, length, signal) => {
      try {
        return await cached.read(offset, length, signal)
      } catch (error) {
        throw isStoreError(error, 'missing') ? new FuseError('ENODATA') : error
      }
    }
    const isGood = () => cached.isWhole && cached.damage === undefined
    const close = () => {
      if (isGood()) this.#options.onWhole?.(key, cached.source.name)
      cache.release(cached)
    }
    return { isGood: isGood(), read, close }
  }

  #source(text: string, size: number): KeySource {
    const key = parseKey(text)
    const checksum = checksumOf(key)
    const { store, directory } = this.#dataset
    return {
      name: `${store.traits.root}/${directory}#${text}`,
      size,
      checksum,
      read: (range, write, signal) =>
        this.#keys.read(text, write, { range, signal: AbortSignal.any([signal, this.#options.signal]) }),
      damaged: () =>
        this.#dataset.error('corrupt', 'get', `the copy of ${text} is damaged: its content does not have the checksum`),
    }
  }

  get #call() {
    return { signal: this.#options.signal }
  }
}

function absent(): never {
  throw new FuseError('ENODATA')
}
