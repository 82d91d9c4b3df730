import { crc32 } from 'node:zlib'
import { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'

const BUFFER_BYTES = 1024 * 1024

/** No NUMBER of the format is longer. Bytes. */
export const NUMBER_BYTES = 9

/**
 * Reads a 7z header as it comes in; only a window of it is in memory. The plain methods need their
 * bytes buffered (`fill`); they are not async because a header has millions of numbers. Throws
 * `corrupt` for a header that ends before what it holds.
 */
export class HeaderReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #where: string
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  #end = 0
  #unread: number
  #crc = 0
  /** The source of the header threw: there is nothing more to be had from it. */
  sourceFailed = false

  /** `length`: how many bytes the header has. */
  constructor(chunks: Bytes, length: number, where: string) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#unread = length
    this.#where = where
  }

  /** Bytes of the header that are not parsed yet. */
  get left(): number {
    return this.#end - this.#at + this.#unread
  }

  get buffered(): number {
    return this.#end - this.#at
  }

  /** Buffers `count` bytes, or all that are left when those are fewer. At most a MiB. */
  async fill(count: number): Promise<void> {
    const wanted = Math.min(count, this.left)
    if (this.buffered >= wanted) return
    this.#buffer.copyWithin(0, this.#at, this.#end)
    this.#end -= this.#at
    this.#at = 0
    while (this.#end < wanted) await this.#take()
  }

  /** Moves more bytes into the buffer, as many as came and fit. */
  async #take(): Promise<void> {
    if (this.#chunk.length === 0) await this.#next()
    const count = Math.min(this.#chunk.length, BUFFER_BYTES - this.#end)
    this.#buffer.set(this.#chunk.subarray(0, count), this.#end)
    this.#chunk = this.#chunk.subarray(count)
    this.#end += count
    this.#unread -= count
  }

  async #next(): Promise<void> {
    const next = await this.#nextChunk()
    if (next.done) throw this.corrupt('it is cut off')
    if (next.value.length > this.#unread) throw this.corrupt('it is longer than it should be')
    this.#chunk = next.value
    this.#crc = crc32(next.value, this.#crc)
  }

  async #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next()
    } catch (error) {
      this.sourceFailed = true
      throw error
    }
  }

  byte(): number {
    if (this.#at >= this.#end) throw this.corrupt('it ends too early')
    return this.#buffer[this.#at++] as number
  }

  uint32(): number {
    if (this.buffered < 4) throw this.corrupt('it ends too early')
    this.#at += 4
    return this.#buffer.readUInt32LE(this.#at - 4)
  }

  /**
   * A NUMBER: the first byte's leading ones say how many bytes follow; its other bits are the
   * highest of the number.
   */
  number(): number {
    const first = this.byte()
    if (first < 0x80) return first
    let value = 0
    let unit = 1
    for (let mask = 0x80; mask !== 0; mask >>= 1) {
      if ((first & mask) === 0) {
        value += (first & (mask - 1)) * unit
        break
      }
      value += this.byte() * unit
      unit *= 256
    }
    if (value > Number.MAX_SAFE_INTEGER) throw this.corrupt('a number is too large')
    return value
  }

  async nextByte(): Promise<number> {
    await this.fill(1)
    return this.byte()
  }

  async nextNumber(): Promise<number> {
    await this.fill(NUMBER_BYTES)
    return this.number()
  }

  /**
   * A NUMBER that says how many there are of something that takes at least `bytesEach` bytes each
   * of what is left.
   */
  async nextCount(what: string, bytesEach: number, limit: number): Promise<number> {
    const count = await this.nextNumber()
    if (count * bytesEach > this.left) throw this.corrupt(`it cannot hold ${count} ${what}`)
    if (count > limit) throw this.unsupported(`${count} ${what}; ${limit} can be read`)
    return count
  }

  /** What is buffered, at most `count` bytes, as a view that is good until the next `fill`. */
  take(count: number): Uint8Array {
    const view = this.#buffer.subarray(this.#at, Math.min(this.#end, this.#at + count))
    this.#at += view.length
    return view
  }

  /** Takes `bytes`, if there are any and the next ones that are buffered are the same. */
  takeIf(bytes: Uint8Array): boolean {
    const { length } = bytes
    if (length === 0 || this.#end - this.#at < length) return false
    for (let i = 0; i < length; i++) if (this.#buffer[this.#at + i] !== bytes[i]) return false
    this.#at += length
    return true
  }

  /** As `take`, but goes on nowhere. */
  peek(count: number): Uint8Array {
    return this.#buffer.subarray(this.#at, Math.min(this.#end, this.#at + count))
  }

  /** Exactly `count` bytes (fewer than a MiB), copied. */
  async nextBytes(count: number): Promise<Buffer> {
    await this.fill(count)
    if (this.buffered < count) throw this.corrupt('it ends too early')
    return Buffer.from(this.take(count))
  }

  /** A list of bytes of any length, copied. The caller has to know that its length is plausible. */
  async nextLongBytes(count: number): Promise<Uint8Array> {
    if (count > this.left) throw this.corrupt('it ends too early')
    const bytes = new Uint8Array(count)
    for (let done = 0; done < count; ) {
      await this.fill(1)
      const part = this.take(count - done)
      bytes.set(part, done)
      done += part.length
    }
    return bytes
  }

  async skip(count: number): Promise<void> {
    if (count > this.left) throw this.corrupt('it ends too early')
    for (let done = 0; done < count; ) {
      await this.fill(1)
      done += this.take(count - done).length
    }
  }

  /** Reads what is left, until the source itself ends, and gives the CRC-32 of all. */
  async finish(): Promise<number> {
    await this.skip(this.left)
    const next = await this.#nextChunk()
    if (!next.done) throw this.corrupt('it is longer than it should be')
    return this.#crc
  }

  corrupt(message: string): StoreError {
    return this.#error('corrupt', `the end header is damaged: ${message}`)
  }

  unsupported(message: string): StoreError {
    return this.#error('unsupported', `cannot read this archive: ${message}`)
  }

  #error(kind: StoreError['kind'], message: string): StoreError {
    return new StoreError({ kind, op: 'get', where: this.#where, message })
  }
}
