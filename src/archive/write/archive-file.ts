import * as fs from 'node:fs'
import { crc32 } from 'node:zlib'

/** So much is collected before it is written. Bytes. */
const BUFFER_BYTES = 1024 * 1024

/**
 * A file that is written from its front to its end, in large pieces, with the numbers of the 7z
 * format. All calls are synchronous. Throws node's errors.
 */
export class ArchiveFile {
  readonly #fd: number
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #used = 0
  /** Of the file, without what is still in the buffer. */
  #written: number
  #crc = 0

  /** Makes a new file, which is written from `start` on. */
  constructor(path: string, start: number) {
    this.#fd = fs.openSync(path, 'wx', 0o600)
    this.#written = start
  }

  get position(): number {
    return this.#written + this.#used
  }

  /** CRC-32 of what was written since `beginPart`. */
  get crc(): number {
    this.#flush()
    return this.#crc
  }

  beginPart(): void {
    this.#flush()
    this.#crc = 0
  }

  bytes(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#used === BUFFER_BYTES) this.#flush()
      const part = rest.subarray(0, BUFFER_BYTES - this.#used)
      this.#buffer.set(part, this.#used)
      this.#used += part.length
      rest = rest.subarray(part.length)
    }
  }

  byte(...values: readonly number[]): void {
    this.#need(values.length)
    for (const value of values) this.#buffer[this.#used++] = value
  }

  uint32(value: number): void {
    this.#need(4)
    this.#used = this.#buffer.writeUInt32LE(value >>> 0, this.#used)
  }

  uint64(value: bigint): void {
    this.#need(8)
    this.#used = this.#buffer.writeBigUInt64LE(value, this.#used)
  }

  /** A NUMBER of the 7z format: the first byte tells how many follow. */
  number(value: number): void {
    if (value < 0x80) this.byte(value)
    else if (value < 0x4000) this.byte(0x80 | (value >>> 8), value & 0xff)
    else if (value < 0x200000) this.byte(0xc0 | (value >>> 16), value & 0xff, (value >>> 8) & 0xff)
    else {
      this.byte(0xff)
      this.uint64(BigInt(value))
    }
  }

  /** UTF-16, without an end. */
  text(text: string): void {
    this.#need(text.length * 2)
    this.#used += this.#buffer.write(text, this.#used, 'utf16le')
  }

  /** Goes on from a place before this one: what was written since counts no more. */
  rewind(position: number): void {
    if (position >= this.#written) this.#used = position - this.#written
    else {
      this.#written = position
      this.#used = 0
    }
  }

  /** Writes the first bytes of the file, cuts off what lies behind the last ones, and closes it. */
  finish(head: Uint8Array): void {
    this.#flush()
    fs.writeSync(this.#fd, head, 0, head.length, 0)
    fs.ftruncateSync(this.#fd, this.#written)
    fs.closeSync(this.#fd)
  }

  /** Closes a file that nobody wants. */
  abandon(): void {
    fs.closeSync(this.#fd)
  }

  #need(bytes: number): void {
    if (this.#used + bytes > BUFFER_BYTES) this.#flush()
  }

  #flush(): void {
    for (let done = 0; done < this.#used; ) {
      done += fs.writeSync(this.#fd, this.#buffer, done, this.#used - done, this.#written + done)
    }
    this.#crc = crc32(this.#buffer.subarray(0, this.#used), this.#crc)
    this.#written += this.#used
    this.#used = 0
  }
}
