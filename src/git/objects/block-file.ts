import { StoreError } from '../../core/errors.ts'
import { readSmall } from '../../store/read-small.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/** What is read at once, at least. Bytes. */
const BLOCK_BYTES = 64 * 1024

/** So many blocks are kept of all files together: 32 MiB. */
const BLOCKS = 512

/** Blocks of files that do not change, those that were used last. */
export class BlockCache {
  readonly #blocks = new Map<string, Promise<Buffer>>()

  get(name: string, read: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#blocks.get(name)
    const block = known ?? read()
    this.#blocks.delete(name)
    this.#blocks.set(name, block)
    if (known !== undefined) return block
    block.catch(() => this.#blocks.delete(name))
    const [oldest] = this.#blocks.keys()
    if (this.#blocks.size > BLOCKS && oldest !== undefined) this.#blocks.delete(oldest)
    return block
  }
}

/** A file of a store that is read here and there, in blocks. */
export class BlockFile {
  readonly path: string
  readonly size: number
  readonly #store: Store
  readonly #reader: number
  readonly #cache: BlockCache
  readonly #call: CallOptions

  /** `reader`: what the blocks in the cache belong to, where several have one cache. */
  constructor(
    store: Store,
    { path, size, reader = 0 }: { readonly path: string; readonly size: number; readonly reader?: number },
    cache: BlockCache,
    call: CallOptions,
  ) {
    this.#store = store
    this.path = path
    this.size = size
    this.#reader = reader
    this.#cache = cache
    this.#call = call
  }

  /** For people. */
  get where(): string {
    return `${this.#store.traits.root}/${this.path}`
  }

  /** Throws StoreError: `corrupt` when the file ends before. */
  async read(start: number, length: number): Promise<Buffer> {
    const end = start + length
    if (end > this.size) throw this.corrupt('the file is too short')
    const first = Math.floor(start / BLOCK_BYTES)
    const last = Math.floor(Math.max(start, end - 1) / BLOCK_BYTES)
    // A large piece is of use once only, and is not kept.
    if (last - first > 8) return this.#fetch(start, end)
    const parts = await Promise.all(Array.from({ length: last - first + 1 }, (_, i) => this.#block(first + i)))
    const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    return whole.subarray(start - first * BLOCK_BYTES, end - first * BLOCK_BYTES)
  }

  /** As many bytes as there are, up to `length`. */
  readUpTo(start: number, length: number): Promise<Buffer> {
    return this.read(start, Math.max(0, Math.min(length, this.size - start)))
  }

  corrupt(message: string): StoreError {
    return new StoreError({ kind: 'corrupt', op: 'get', where: this.where, message })
  }

  #block(number: number): Promise<Buffer> {
    const start = number * BLOCK_BYTES
    const read = () => this.#fetch(start, Math.min(start + BLOCK_BYTES, this.size))
    return this.#cache.get(`${this.#reader} ${number} ${this.path}`, read)
  }

  async #fetch(start: number, end: number): Promise<Buffer> {
    if (start === end) return Buffer.alloc(0)
    return readSmall(this.#store, this.path, end - start, { ...this.#call, range: { start, end } })
  }
}
