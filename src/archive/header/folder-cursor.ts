import { hasBit } from './bits.ts'
import { type FolderDescription, isCopy } from './folder-description.ts'
import { SIGNATURE_BYTES } from './signature.ts'
import type { StreamsInfo } from './streams.ts'

/**
 * Walks over the folders of an archive, from the first to the last; its fields tell of the one that
 * it is at.
 */
export class FolderCursor {
  readonly #streams: StreamsInfo
  readonly #copies: readonly boolean[]
  #next = 0
  #firstPack = 0
  #firstCoder = 0
  #packEnd: number
  /** Undefined before the first `next`. */
  description: FolderDescription | undefined
  /** Its number in the end header. */
  folder = -1
  /** Its content lies in the archive as it is: it needs no record. */
  isCopy = false
  /** How many of the folders before it are no copies. */
  record = 0
  /** Position of its first packed stream in the file; bytes. */
  packedAt: number
  unpackedSize = 0
  members = 0

  constructor(streams: StreamsInfo) {
    this.#streams = streams
    this.#copies = streams.folders.descriptions.map(isCopy)
    this.packedAt = SIGNATURE_BYTES + streams.packPosition
    this.#packEnd = this.packedAt
  }

  /** False after the last one. */
  next(): boolean {
    const { folders, packSizes, members } = this.#streams
    const last = this.description
    if (last !== undefined) {
      this.#firstPack += last.packedInputs.length
      this.#firstCoder += last.coders.length
      if (!this.isCopy) this.record += 1
    }
    if (this.#next === folders.count) return false
    const folder = this.#next++
    const number = folders.described[folder] as number
    const description = folders.descriptions[number] as FolderDescription
    this.description = description
    this.folder = folder
    this.isCopy = this.#copies[number] as boolean
    this.packedAt = this.#packEnd
    for (let i = 0; i < description.packedInputs.length; i++) this.#packEnd += packSizes[this.#firstPack + i] as number
    this.unpackedSize = folders.unpackSizes[this.#firstCoder + description.mainCoder] as number
    this.members = members.counts === undefined ? 1 : (members.counts[folder] as number)
    return true
  }

  /** Of all its packed streams together; bytes. */
  get packedSize(): number {
    return this.#packEnd - this.packedAt
  }

  /** Its packed streams' sizes, then its coders' unpacked sizes. */
  sizes(): number[] {
    const { packedInputs, coders } = this.description ?? { packedInputs: [], coders: [] }
    const { packSizes, folders } = this.#streams
    return [
      ...packSizes.subarray(this.#firstPack, this.#firstPack + packedInputs.length),
      ...folders.unpackSizes.subarray(this.#firstCoder, this.#firstCoder + coders.length),
    ]
  }

  get crc(): number | undefined {
    const { digests } = this.#streams.folders
    return digests !== undefined && hasBit(digests.defined, this.folder) ? digests.crcs[this.folder] : undefined
  }
}
