import { crc32 } from 'node:zlib'
import type { IndexStorage } from './index-storage.ts'

/**
 * An index consists of pages; each has a checksum, so that nothing is believed that was damaged on
 * the disk.
 */
export const PAGE_BYTES = 4096

const BUFFER_PAGES = 256

/** The index cannot be written here: no space, no permission. Its `cause` says why. */
export class IndexUnwritable extends Error {}

/** The index is not what was written. It has to be made anew. */
export class IndexDamaged extends Error {}

/**
 * Writes pages one after the other, from page 1 on (page 0 is the caller's), and computes their
 * checksums.
 */
export class PageWriter {
  readonly #storage: IndexStorage
  #buffer = Buffer.allocUnsafe(BUFFER_PAGES * PAGE_BYTES)
  #other = Buffer.allocUnsafe(BUFFER_PAGES * PAGE_BYTES)
  #flushed = PAGE_BYTES
  #used = 0
  #writing: Promise<unknown> = Promise.resolve()
  #crcs = new Uint32Array(1024)
  #pages = 0

  constructor(storage: IndexStorage) {
    this.#storage = storage
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#flushed + this.#used
  }

  /**
   * Space for `length` bytes (at most half a MiB), to be written into and then counted with
   * `advance`.
   */
  async reserve(length: number): Promise<Buffer> {
    if (this.#used + length > this.#buffer.length) await this.#flush(Math.floor(this.#used / PAGE_BYTES))
    return this.#buffer.subarray(this.#used)
  }

  advance(length: number): void {
    this.#used += length
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const space = await this.reserve(1)
      const part = bytes.subarray(done, done + space.length)
      space.set(part)
      this.advance(part.length)
      done += part.length
    }
  }

  /** Goes on to the next page. Everything before it can be read from the storage then. */
  async endPage(): Promise<void> {
    const rest = this.#used % PAGE_BYTES
    if (rest > 0) {
      this.#buffer.fill(0, this.#used, this.#used + PAGE_BYTES - rest)
      this.#used += PAGE_BYTES - rest
    }
    await this.#flush(this.#used / PAGE_BYTES)
    await this.#settled()
  }

  /** Of all pages so far, in order. */
  get crcs(): Uint32Array {
    return this.#crcs.subarray(0, this.#pages)
  }

  /**
   * Waits for the writing under way, however it ends. To be called before the storage is used for
   * something else.
   */
  async settle(): Promise<void> {
    await this.#writing.catch(() => {})
  }

  /** Hands so many pages to the disk and goes on meanwhile. */
  async #flush(pages: number): Promise<void> {
    const length = pages * PAGE_BYTES
    const full = this.#buffer.subarray(0, length)
    this.#addCrcs(full)
    await this.#settled()
    const next = this.#other
    this.#other = this.#buffer
    this.#buffer = next
    this.#used -= length
    next.set(this.#other.subarray(length, length + this.#used))
    this.#writing = this.#storage.write(full, this.#flushed)
    this.#writing.catch(() => {}) // told by the next call
    this.#flushed += length
  }

  async #settled(): Promise<void> {
    try {
      await this.#writing
    } catch (error) {
      throw new IndexUnwritable('cannot write the index of an archive', { cause: error })
    }
  }

  #addCrcs(full: Uint8Array): void {
    for (let at = 0; at < full.length; at += PAGE_BYTES) {
      if (this.#pages === this.#crcs.length) {
        const grown = new Uint32Array(this.#crcs.length * 2)
        grown.set(this.#crcs)
        this.#crcs = grown
      }
      this.#crcs[this.#pages++] = crc32(full.subarray(at, at + PAGE_BYTES))
    }
  }
}

/** So many pages that were read stay in memory, for the next lookups. */
const KEPT_PAGES = 512

/** Reads parts of a file of pages and checks every page that they touch. Throws IndexDamaged. */
export class PageReader {
  readonly #storage: IndexStorage
  readonly #crcs: Uint32Array
  /** By number, the oldest first. Nobody writes to them. */
  readonly #kept = new Map<number, Buffer>()

  /** `crcs`: of the pages from page 1 on. */
  constructor(storage: IndexStorage, crcs: Uint32Array) {
    this.#storage = storage
    this.#crcs = crcs
  }

  /**
   * The bytes in `[position, position + length)`, only to be read. They are aligned as they were in
   * the file, at least to 8 bytes when `position` is.
   */
  async read(position: number, length: number): Promise<Buffer> {
    const first = Math.floor(position / PAGE_BYTES)
    const end = Math.ceil((position + length) / PAGE_BYTES)
    if (first < 1 || end > this.#crcs.length + 1) throw new IndexDamaged('a place outside of it')
    const pages =
      end - first === 1 ? (this.#kept.get(first) ?? (await this.#keep(first))) : await this.#read(first, end)
    const from = position - first * PAGE_BYTES
    return pages.subarray(from, from + length)
  }

  async #keep(number: number): Promise<Buffer> {
    const page = await this.#read(number, number + 1)
    if (this.#kept.size >= KEPT_PAGES) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest)
        break
      }
    }
    this.#kept.set(number, page)
    return page
  }

  async #read(first: number, end: number): Promise<Buffer> {
    const pages = Buffer.from(new ArrayBuffer((end - first) * PAGE_BYTES))
    if ((await this.#storage.read(pages, first * PAGE_BYTES)) < pages.length) throw new IndexDamaged('it is cut off')
    for (let page = first; page < end; page++) {
      const at = (page - first) * PAGE_BYTES
      if (crc32(pages.subarray(at, at + PAGE_BYTES)) !== this.#crcs[page - 1]) {
        throw new IndexDamaged(`page ${page} is not as it was written`)
      }
    }
    return pages
  }
}

/** Writes a part that begins with a page of its own. */
export async function writePart(
  writer: PageWriter,
  write: () => Promise<void>,
): Promise<{ at: number; length: number }> {
  await writer.endPage()
  const at = writer.position
  await write()
  return { at, length: writer.position - at }
}
