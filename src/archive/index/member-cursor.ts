import { hasBit } from '../header/bits.ts'
import { FolderCursor } from '../header/folder-cursor.ts'
import type { StreamsInfo } from '../header/streams.ts'
import { PLACE } from './index-format.ts'

/**
 * Walks over the members that have content, in the archive's order; its fields tell of the one that
 * it is at.
 */
export class MemberCursor {
  readonly #streams: StreamsInfo
  readonly #folders: FolderCursor
  #number = -1
  #left = 0
  #offset = 0
  size = 0
  /** Number of its folder's record, or PLACE.copy. */
  folder = 0
  /** In the archive file for a copy, else in the unpacked folder; bytes. */
  position = 0

  constructor(streams: StreamsInfo) {
    this.#streams = streams
    this.#folders = new FolderCursor(streams)
  }

  /** False after the last one. */
  next(): boolean {
    const folders = this.#folders
    while (this.#left === 0) {
      if (!folders.next()) return false
      this.#left = folders.members
      this.#offset = 0
    }
    this.#left -= 1
    this.#number += 1
    this.size = this.#streams.members.sizes[this.#number] as number
    this.folder = folders.isCopy ? PLACE.copy : folders.record
    this.position = folders.isCopy ? folders.packedAt + this.#offset : this.#offset
    this.#offset += this.size
    return true
  }

  get hasCrc(): boolean {
    return hasBit(this.#streams.members.digests.defined, this.#number)
  }

  get crc(): number {
    return this.#streams.members.digests.crcs[this.#number] as number
  }
}
