import { isStoreError } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import { decode, encode } from '../../core/text.ts'
import { memberNames } from '../../ria/keys/member-names.ts'
import { objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { archivedFiles, looseFiles } from '../inventory/count-keys.ts'

/** A copy of a key that is to be read. */
export interface CopyToRead {
  readonly key: string
  readonly size: number
  /** Of a loose key; undefined: it is in the archive. */
  readonly path: string | undefined
  readonly member: string | undefined
}

const CHUNK_BYTES = 1024 * 1024

/** What is said of a copy in a byte: that it is in the archive, and under which of its names. */
const ARCHIVED = 0x80

/**
 * The copies of a dataset's keys. A million of them take about 75 MB: a key's text is kept, and in
 * which of the places it is where clients look for it.
 */
export class Copies {
  readonly #directory: string
  readonly #version: string
  /** Texts, each behind a byte for its place and two for its length. */
  readonly #chunks: Buffer[] = []
  #used = CHUNK_BYTES
  #offsets = new Float64Array(1024)
  #sizes = new Float64Array(1024)
  #count = 0
  #hasArchived = false

  private constructor(directory: string, version: string) {
    this.#directory = directory
    this.#version = version
  }

  /**
   * Lists those that clients find, and that have the length of their key: others are told of
   * elsewhere. Throws StoreError.
   */
  static async list(dataset: StoredDataset, call: CallOptions): Promise<Copies> {
    const copies = new Copies(dataset.directory, (await readLayout(dataset, call)).dataset.version)
    for await (const { key, place, entry } of looseFiles(dataset, call)) {
      const at = placesOf(key, copies.#version).indexOf(place)
      const size = parseKey(key).size
      if (at >= 0 && (size === undefined || size === entry.size)) copies.#add(key, entry.size, at)
    }
    try {
      for await (const { key, size, name } of archivedFiles(dataset, call)) {
        copies.#hasArchived = true
        copies.#add(key, size, ARCHIVED | [...memberNames(key)].indexOf(name))
      }
    } catch (error) {
      // An archive that cannot be read is told of elsewhere.
      if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
    }
    return copies
  }

  get count(): number {
    return this.#count
  }

  /** Some of them are in the archive. */
  get hasArchived(): boolean {
    return this.#hasArchived
  }

  keyAt(index: number): string {
    return decode(this.#textAt(index).text)
  }

  /** In bytes. */
  sizeAt(index: number): number {
    return this.#sizes[index] ?? 0
  }

  at(index: number): CopyToRead {
    const { text, place } = this.#textAt(index)
    const key = decode(text)
    const size = this.sizeAt(index)
    if (place & ARCHIVED) {
      return { key, size, path: undefined, member: [...memberNames(key)][place & ~ARCHIVED] }
    }
    const path = `${objectsDirectory(this.#directory)}/${placesOf(key, this.#version)[place]}`
    return { key, size, path, member: undefined }
  }

  #textAt(index: number): { readonly text: Buffer; readonly place: number } {
    const offset = this.#offsets[index] ?? 0
    const chunk = this.#chunks[Math.floor(offset / CHUNK_BYTES)] ?? Buffer.alloc(0)
    const at = offset % CHUNK_BYTES
    const length = chunk.readUInt16LE(at + 1)
    return { text: chunk.subarray(at + 3, at + 3 + length), place: chunk[at] ?? 0 }
  }

  #add(key: string, size: number, place: number): void {
    const text = encode(key)
    if (this.#used + text.length + 3 > CHUNK_BYTES) {
      this.#chunks.push(Buffer.allocUnsafe(CHUNK_BYTES))
      this.#used = 0
    }
    const chunk = this.#chunks.at(-1) ?? Buffer.alloc(0)
    chunk[this.#used] = place
    chunk.writeUInt16LE(text.length, this.#used + 1)
    chunk.set(text, this.#used + 3)
    if (this.#count === this.#sizes.length) {
      this.#offsets = doubled(this.#offsets)
      this.#sizes = doubled(this.#sizes)
    }
    this.#offsets[this.#count] = (this.#chunks.length - 1) * CHUNK_BYTES + this.#used
    this.#sizes[this.#count] = size
    this.#count += 1
    this.#used += text.length + 3
  }
}

function doubled(numbers: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(numbers.length * 2)
  larger.set(numbers)
  return larger
}
