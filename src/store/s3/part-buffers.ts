/** S3's limits for multipart uploads (Amazon S3 User Guide, Multipart upload limits). */
const MAX_PARTS = 10_000
const MIN_PART_BYTES = 5 * 1024 * 1024
const MAX_PART_BYTES = 5 * 1024 ** 3

const MIB = 1024 * 1024
const PART_BYTES = 16 * MIB
/** For uploads that begin when there is no room for more buffers. */
const SMALL_PART_BYTES = 8 * MIB
/** What all transfers of a store may hold in memory, save that each may have one part. Bytes. */
const BUFFER_BYTES = 96 * MIB

/** Parts of one file that are on their way at once. */
export const PARALLEL_PARTS = 4

/**
 * The part size for a file, in bytes: what is asked for, or more if that would be too many parts.
 * Undefined for a file that S3 cannot hold.
 */
export function partBytesFor(size: number, wanted: number): number | undefined {
  const least = Math.ceil(Math.ceil(size / MAX_PARTS) / MIB) * MIB
  const bytes = Math.max(wanted, MIN_PART_BYTES, least)
  return bytes > MAX_PART_BYTES ? undefined : bytes
}

/**
 * The memory of a store's transfers. Buffers are used again: fresh pages cost as much as sending
 * them.
 */
export class PartBuffers {
  #used = 0
  #spare: Buffer[] = []

  /** The part size for an upload that begins now. */
  get partBytes(): number {
    return this.hasRoom(PART_BYTES) ? PART_BYTES : SMALL_PART_BYTES
  }

  /** Whether so many bytes more stay within `limit`. */
  hasRoom(bytes: number, limit = BUFFER_BYTES): boolean {
    return this.#used + bytes <= limit
  }

  take(bytes: number): Buffer {
    this.#used += bytes
    const at = this.#spare.findIndex((buffer) => buffer.length === bytes)
    return (at < 0 ? undefined : this.#spare.splice(at, 1)[0]) ?? Buffer.allocUnsafeSlow(bytes)
  }

  give(buffer: Buffer): void {
    this.#used -= buffer.length
    this.#spare.push(buffer)
    this.#letGo()
  }

  /** Counts memory that somebody else holds. */
  reserve(bytes: number): void {
    this.#used += bytes
    this.#letGo()
  }

  release(bytes: number): void {
    this.#used -= bytes
  }

  /** Lets all memory go that is not in use. */
  clear(): void {
    this.#spare = []
  }

  /** Of another size than asked for now, or more than are needed. */
  #letGo(): void {
    while (this.#spare.reduce((sum, { length }) => sum + length, this.#used) > BUFFER_BYTES) {
      if (this.#spare.shift() === undefined) return
    }
  }
}
