import { checksumOf } from '../../core/checksum.ts'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { type Key, parseKey } from '../../core/key.ts'
import type { Bytes } from '../../core/source.ts'
import { type Copy, type CopyContent, wrongLength } from '../../ria/keys/copy.ts'
import { DatasetArchive } from '../../ria/keys/dataset-archive.ts'
import { KeyFinder, type KeyPlaces } from '../../ria/keys/key-finder.ts'
import { keyPaths } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { ByteRange, CallOptions } from '../../store/store.ts'

/** Takes what was read, in order; resolves when more can be taken. */
export type WriteChunk = (chunk: Uint8Array) => Promise<void>

export interface ReadKeyOptions extends CallOptions {
  readonly range?: ByteRange | undefined
}

/** The keys of a dataset in a store, for people who look. */
export class StoredKeys {
  readonly #dataset: StoredDataset
  readonly #version: string
  readonly #archive: DatasetArchive
  readonly #finder: KeyFinder

  private constructor(dataset: StoredDataset, version: string, cacheDirectory: string | undefined) {
    this.#dataset = dataset
    this.#version = version
    this.#archive = new DatasetArchive(dataset, cacheDirectory)
    this.#finder = new KeyFinder(dataset, this.#archive)
  }

  /** `cacheDirectory`: where the index of an archive is kept. Throws StoreError. */
  static async open(
    dataset: StoredDataset,
    cacheDirectory: string | undefined,
    call: CallOptions = {},
  ): Promise<StoredKeys> {
    const layout = await readLayout(dataset, call)
    return StoredKeys.of(dataset, layout.dataset.version, cacheDirectory)
  }

  /** The same where the version of the dataset's layout is known. */
  static of(dataset: StoredDataset, version: string, cacheDirectory: string | undefined): StoredKeys {
    return new StoredKeys(dataset, version, cacheDirectory)
  }

  /**
   * Whether the store has a key, of the right length. False is said only when the store proved it.
   * Throws StoreError, `corrupt` when all there is is damaged.
   */
  async has(key: string, call: CallOptions = {}): Promise<boolean> {
    return (await this.#finder.find(this.#places(key), call)) !== undefined
  }

  /**
   * Gives the bytes of a key, or of a range of it, to `write`. A whole key is held against its
   * checksum while it is read: what is wrong is told at its end, as `corrupt`. Throws StoreError,
   * `missing` when the key is proven absent.
   */
  async read(key: string, write: WriteChunk, options: ReadKeyOptions = {}): Promise<void> {
    if (await this.readIfThere(key, write, options)) return
    throw this.#dataset.error('missing', 'get', `key ${key} is not in the store`)
  }

  /** The same; false when the key is proven absent. */
  async readIfThere(key: string, write: WriteChunk, { range, ...call }: ReadKeyOptions = {}): Promise<boolean> {
    const places = this.#places(key)
    let begun = false
    let spoilt: StoreError | undefined
    const writeNoting = (chunk: Uint8Array) => {
      begun = true
      return write(chunk)
    }
    const read = async (copy: Copy) => {
      if (spoilt !== undefined) throw spoilt // what was written of one copy no other mends
      try {
        await readCopy(copy, places.key, writeNoting, range, call)
      } catch (error) {
        if (begun && isStoreError(error, 'corrupt')) spoilt = error
        throw error
      }
    }
    return this.#finder.read(places, read, call)
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#archive.close()
  }

  #places(text: string): KeyPlaces {
    return { key: parseKey(text), loose: keyPaths(this.#dataset.directory, this.#version, text) }
  }
}

async function readCopy(
  copy: Copy,
  key: Key,
  write: WriteChunk,
  range: ByteRange | undefined,
  { signal }: CallOptions,
): Promise<void> {
  const end = range?.end ?? Number.POSITIVE_INFINITY
  const hasher = range === undefined ? await checksumOf(key)?.start() : undefined
  const enough = new AbortController()
  let position = range?.start ?? 0
  let identity: string | undefined
  const consume = async (bytes: Bytes, content: CopyContent) => {
    if (key.size !== undefined && content.size !== key.size) throw wrongLength('get', copy.where, content, key)
    if (identity !== undefined && identity !== content.identity) {
      throw failure(copy, 'transient', 'the copy was replaced while it was read')
    }
    identity = content.identity
    for await (const chunk of bytes) {
      const wanted = chunk.subarray(0, Math.min(chunk.length, end - position))
      hasher?.update(wanted)
      position += wanted.length
      if (wanted.length > 0) await write(wanted)
      if (position >= end) enough.abort()
    }
  }
  try {
    if (position < end) {
      const signals = signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal])
      await copy.read(consume, { start: () => position, signal: signals })
    }
  } catch (error) {
    if (signal?.aborted || !enough.signal.aborted) throw error
  }
  if (hasher !== undefined && hasher.hex() !== checksumOf(key)?.expected) {
    throw failure(copy, 'corrupt', "the copy is damaged: its content does not have the key's checksum")
  }
}

function failure(copy: Copy, kind: StoreError['kind'], message: string): StoreError {
  return new StoreError({ kind, op: 'get', where: copy.where, message })
}
