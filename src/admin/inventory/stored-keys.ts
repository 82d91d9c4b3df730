import { checksumOf } from '../../core/checksum.ts'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Hasher } from '../../core/hasher.ts'
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
  /**
   * How far a key was read: a reader that stopped (its `write` threw) goes on from there when it
   * gives the same again, with the same range.
   */
  readonly progress?: KeyProgress | undefined
}

/** How far a key was read. To begin with it is empty. */
export interface KeyProgress {
  /** What is to come next. Bytes from the beginning of the key. */
  position?: number
  /** Of all that is before `position`. */
  hasher?: Hasher | undefined
}

/** More than this is not given to `write` at once. Bytes. */
const PIECE_BYTES = 64 * 1024

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
    return (await this.find(key, call)) !== undefined
  }

  /**
   * A copy of a key: `path` is the file that is all of its content, undefined where that is a part
   * of an archive. Undefined: the key is proven absent. Throws as `has` does.
   */
  find(key: string, call: CallOptions = {}): Promise<Pick<Copy, 'path'> | undefined> {
    return this.#finder.find(this.#places(key), call)
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
  async readIfThere(
    key: string,
    write: WriteChunk,
    { range, progress = {}, ...call }: ReadKeyOptions = {},
  ): Promise<boolean> {
    const places = this.#places(key)
    let begun = progress.position !== undefined
    let spoilt: StoreError | undefined
    const writeNoting = (chunk: Uint8Array) => {
      begun = true
      return write(chunk)
    }
    const read = async (copy: Copy) => {
      if (spoilt !== undefined) throw spoilt // what was written of one copy no other mends
      try {
        await readCopy(copy, places.key, writeNoting, { range, progress, ...call })
      } catch (error) {
        if (begun && isStoreError(error, 'corrupt')) spoilt = error
        throw error
      }
    }
    return this.#finder.read(places, read, call)
  }

  /**
   * The length of a key's content in bytes; undefined when the key is proven absent. Throws
   * StoreError.
   */
  async sizeOf(key: string, call: CallOptions = {}): Promise<number | undefined> {
    const places = this.#places(key)
    if (places.key.size !== undefined) return places.key.size
    let size: number | undefined
    const look = async (copy: Copy) => {
      const enough = new AbortController()
      const signal = call.signal === undefined ? enough.signal : AbortSignal.any([call.signal, enough.signal])
      const consume = async (_bytes: Bytes, content: CopyContent) => {
        size = content.size
        enough.abort()
      }
      try {
        await copy.read(consume, { start: () => 0, signal })
      } catch (error) {
        if (size === undefined) throw error
      }
    }
    await this.#finder.read(places, look, call)
    return size
  }

  /** Where a key may lie loose, the best place first. */
  loosePaths(key: string): readonly string[] {
    return keyPaths(this.#dataset.directory, this.#version, key)
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#archive.close()
  }

  #places(text: string): KeyPlaces {
    return { key: parseKey(text), loose: this.loosePaths(text) }
  }
}

/** Goes on where another copy, which is not there any more, was read to. */
async function readCopy(
  copy: Copy,
  key: Key,
  write: WriteChunk,
  { range, progress, signal }: ReadKeyOptions & { readonly progress: KeyProgress },
): Promise<void> {
  const end = range?.end ?? key.size ?? Number.POSITIVE_INFINITY
  if (progress.position === undefined && range === undefined) progress.hasher = await checksumOf(key)?.start()
  let position = progress.position ?? range?.start ?? 0
  // Where the end is asked for the backend need not be told that no more is wanted.
  const enough = range?.end === undefined ? undefined : new AbortController()
  let identity: string | undefined
  const consume = async (bytes: Bytes, content: CopyContent) => {
    if (key.size !== undefined && content.size !== key.size) throw wrongLength('get', copy.where, content, key)
    if (identity !== undefined && identity !== content.identity) {
      throw failure(copy, 'transient', 'the copy was replaced while it was read')
    }
    identity = content.identity
    for await (const chunk of bytes) {
      const wanted = chunk.subarray(0, Math.min(chunk.length, end - position))
      for (let start = 0; start < wanted.length; start += PIECE_BYTES) {
        const piece = wanted.subarray(start, start + PIECE_BYTES)
        progress.hasher?.update(piece)
        position += piece.length
        progress.position = position
        await write(piece)
      }
      if (position >= end) enough?.abort(ENOUGH)
    }
  }
  try {
    if (position < end || (range === undefined && position === 0)) {
      const signals = enough && signal ? AbortSignal.any([signal, enough.signal]) : (enough?.signal ?? signal)
      await copy.read(consume, { start: () => position, signal: signals })
    }
  } catch (error) {
    if (signal?.aborted || !enough?.signal.aborted) throw error
  }
  if (progress.hasher !== undefined && progress.hasher.hex() !== checksumOf(key)?.expected) {
    throw failure(copy, 'corrupt', "the copy is damaged: its content does not have the key's checksum")
  }
}

/** Why a read ends that has all that was wanted. */
const ENOUGH = new Error('no more is wanted')

function failure(copy: Copy, kind: StoreError['kind'], message: string): StoreError {
  return new StoreError({ kind, op: 'get', where: copy.where, message })
}
