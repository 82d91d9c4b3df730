import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { PROPERTY } from '../header/properties.ts'
import { SIGNATURE_BYTES } from '../header/signature.ts'
import { ArchiveFile } from './archive-file.ts'

/** Of a regular file that nobody may write to, as git-annex has its objects: 0444. */
const ATTRIBUTES = 0x81248021

/** From 1601, where Windows begins to count, to 1970. ms. */
const EPOCH_MS = 11_644_473_600_000

/** Others have their turn after so many members of the end header. */
const MEMBERS_AT_ONCE = 20_000

/**
 * Writes a 7z archive whose members lie in it as they are (Copy), each by itself, with a plain end
 * header: what `7z a -mx=0 -ms=off -mhc=off` makes. A member costs twelve bytes of memory, and
 * its name none. Throws node's errors of the disk.
 */
export class ArchiveWriter {
  readonly #file: ArchiveFile
  readonly #sizes: Float64Array
  readonly #crcs: Uint32Array
  #count = 0

  /** Makes the file at `path`. `most`: there will be no more members than these. */
  constructor(path: string, most: number) {
    this.#file = new ArchiveFile(path, SIGNATURE_BYTES)
    this.#sizes = new Float64Array(most)
    this.#crcs = new Uint32Array(most)
  }

  /** How many members there are. */
  get count(): number {
    return this.#count
  }

  /** Adds a member that is in memory. */
  addWhole(content: Uint8Array): void {
    this.#file.bytes(content)
    this.#sizes[this.#count] = content.length
    this.#crcs[this.#count] = crc32(content)
    this.#count += 1
  }

  /** Adds a member. Throws what its content throws: then it is as if it had not been added. */
  async add(content: AsyncIterable<Uint8Array>): Promise<void> {
    const start = this.#file.position
    let crc = 0
    try {
      for await (const chunk of content) {
        crc = crc32(chunk, crc)
        this.#file.bytes(chunk)
      }
    } catch (error) {
      this.#file.rewind(start)
      throw error
    }
    this.#sizes[this.#count] = this.#file.position - start
    this.#crcs[this.#count] = crc
    this.#count += 1
  }

  /**
   * Writes the end header and closes the file. `nameOf` gives the name of each member, as 7-Zip has
   * it, by its place in the order in which they were added; it is asked twice.
   */
  async finish(nameOf: (member: number) => string): Promise<void> {
    const file = this.#file
    const packed = file.position - SIGNATURE_BYTES
    file.beginPart()
    const start = file.position
    file.byte(PROPERTY.header)
    await this.#writeStreams()
    await this.#writeFiles(nameOf)
    file.byte(PROPERTY.end)
    const bytes = file.position - start
    file.finish(signatureOf(packed, bytes, file.crc))
  }

  /** Closes the file, which is no archive. */
  abandon(): void {
    this.#file.abandon()
  }

  async #writeStreams(): Promise<void> {
    const file = this.#file
    let streams = 0
    for (let i = 0; i < this.#count; i++) if (this.#sizes[i] !== 0) streams += 1
    if (streams === 0) return
    const sizes = () => this.#each((i) => this.#sizes[i] !== 0 && file.number(this.#sizes[i] as number))
    file.byte(PROPERTY.mainStreamsInfo, PROPERTY.packInfo, 0)
    file.number(streams)
    file.byte(PROPERTY.size)
    await sizes()
    file.byte(PROPERTY.end, PROPERTY.unpackInfo, PROPERTY.folder)
    file.number(streams)
    file.byte(0)
    await this.#each((i) => this.#sizes[i] !== 0 && file.byte(1, 1, 0)) // one coder, and that is Copy
    file.byte(PROPERTY.codersUnpackSize)
    await sizes()
    file.byte(PROPERTY.end, PROPERTY.substreamsInfo, PROPERTY.crc, 1)
    await this.#each((i) => this.#sizes[i] !== 0 && file.uint32(this.#crcs[i] as number))
    file.byte(PROPERTY.end, PROPERTY.end)
  }

  async #writeFiles(nameOf: (member: number) => string): Promise<void> {
    const file = this.#file
    const count = this.#count
    file.byte(PROPERTY.filesInfo)
    file.number(count)
    this.#writeEmpty()
    let nameBytes = 1
    await this.#each((i) => {
      nameBytes += (nameOf(i).length + 1) * 2
    })
    file.byte(PROPERTY.names)
    file.number(nameBytes)
    file.byte(0)
    await this.#each((i) => file.text(`${nameOf(i)}\0`))
    file.byte(PROPERTY.mtime)
    file.number(2 + count * 8)
    file.byte(1, 0)
    const now = BigInt(Date.now() + EPOCH_MS) * 10_000n
    await this.#each(() => file.uint64(now))
    file.byte(PROPERTY.attributes)
    file.number(2 + count * 4)
    file.byte(1, 0)
    await this.#each(() => file.uint32(ATTRIBUTES))
    file.byte(PROPERTY.end)
  }

  /** Which members have no stream, and that those are files. */
  #writeEmpty(): void {
    const sizes = this.#sizes.subarray(0, this.#count)
    const empty = sizes.filter((size) => size === 0).length
    if (empty === 0) return
    const file = this.#file
    file.byte(PROPERTY.emptyStream)
    const bits = Buffer.alloc(Math.ceil(sizes.length / 8))
    for (const [i, size] of sizes.entries()) if (size === 0) bits[i >> 3] = (bits[i >> 3] as number) | (0x80 >> (i & 7))
    file.number(bits.length)
    file.bytes(bits)
    file.byte(PROPERTY.emptyFile)
    const all = Buffer.alloc(Math.ceil(empty / 8), 0xff)
    if (empty % 8 > 0) all[all.length - 1] = 0xff & (0xff << (8 - (empty % 8)))
    file.number(all.length)
    file.bytes(all)
  }

  async #each(write: (member: number) => void): Promise<void> {
    for (let i = 0; i < this.#count; i++) {
      write(i)
      if (i % MEMBERS_AT_ONCE === MEMBERS_AT_ONCE - 1) await nextTurn()
    }
  }
}

/** The 32 bytes that a 7z file begins with. */
export function signatureOf(packedBytes: number, headerBytes: number, headerCrc: number): Buffer {
  const head = Buffer.alloc(SIGNATURE_BYTES)
  head.set([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4])
  head.writeBigUInt64LE(BigInt(packedBytes), 12)
  head.writeBigUInt64LE(BigInt(headerBytes), 20)
  head.writeUInt32LE(headerCrc, 28)
  head.writeUInt32LE(crc32(head.subarray(12)), 8)
  return head
}
