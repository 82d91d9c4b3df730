import type { BlockFile } from './block-file.ts'

const HEADER_BYTES = 8 + 256 * 4
const ID_BYTES = 20

/**
 * The index of a pack, version 2, searched without being loaded. Source: gitformat-pack(5),
 * "Version 2 pack-*.idx files".
 */
export class PackIndex {
  readonly #file: BlockFile
  /** How many objects have an id that begins with at most this byte. */
  readonly #fanout: readonly number[]

  private constructor(file: BlockFile, fanout: readonly number[]) {
    this.#file = file
    this.#fanout = fanout
  }

  /** Throws StoreError: `corrupt` for a file that is no such index. */
  static async open(file: BlockFile): Promise<PackIndex> {
    const header = await file.read(0, HEADER_BYTES)
    if (header.readUInt32BE(0) !== 0xff744f63 || header.readUInt32BE(4) !== 2) {
      throw file.corrupt('this is no index of a pack, or of an old version')
    }
    const fanout = Array.from({ length: 256 }, (_, i) => header.readUInt32BE(8 + i * 4))
    if (fanout.some((count, i) => count < (fanout[i - 1] ?? 0))) throw file.corrupt('the index is damaged')
    return new PackIndex(file, fanout)
  }

  /** How many objects are in the pack. */
  get count(): number {
    return this.#fanout[255] ?? 0
  }

  /** Where an object is in the pack, in bytes; undefined when it is not in it. */
  async offsetOf(id: Buffer): Promise<number | undefined> {
    const byte = id[0] ?? 0
    let low = this.#fanout[byte - 1] ?? 0
    let high = this.#fanout[byte] ?? 0
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = id.compare(await this.#file.read(HEADER_BYTES + middle * ID_BYTES, ID_BYTES))
      if (order === 0) return this.#offset(middle)
      if (order < 0) high = middle
      else low = middle + 1
    }
    return undefined
  }

  async #offset(at: number): Promise<number> {
    const offsets = HEADER_BYTES + this.count * (ID_BYTES + 4)
    const offset = (await this.#file.read(offsets + at * 4, 4)).readUInt32BE(0)
    if (offset < 0x80000000) return offset
    // Of a pack of more than 2 GiB: the place of the offset in a second table.
    const large = offsets + this.count * 4 + (offset - 0x80000000) * 8
    return Number((await this.#file.read(large, 8)).readBigUInt64BE(0))
  }
}
