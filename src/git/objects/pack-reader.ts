import { constants, inflateSync } from 'node:zlib'
import { messageOf, StoreError } from '../../core/errors.ts'
import type { BlockFile } from './block-file.ts'
import { applyDelta, resultSize } from './delta.ts'
import type { PackIndex } from './pack-index.ts'

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag'

export interface GitObject {
  readonly type: ObjectType
  readonly content: Buffer
}

/** By the number that a pack has for it (gitformat-pack, "object types"). */
const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' }
const OFFSET_DELTA = 6
const ID_DELTA = 7
const ID_BYTES = 20

/** More than any header of an object in a pack has: two numbers, or one and an id. Bytes. */
const HEADER_BYTES = 64

/** Objects that others are made out of are kept up to this much. Bytes. */
const KEPT_BYTES = 16 * 1024 * 1024

/** git makes no longer chains than 4095. */
const MAX_CHAIN = 5000

/** For the beginning of what was packed. */
export const PARTIAL = { finishFlush: constants.Z_SYNC_FLUSH }

/** An object in a pack, as its header tells. */
interface Header {
  readonly type: number
  /** Of what is packed: of the delta, if it is one. Bytes. */
  readonly size: number
  /** Where the packed bytes begin. */
  readonly start: number
  readonly base: { readonly offset: number } | { readonly id: Buffer } | undefined
}

/** Reads objects out of a pack of a store, by range. */
export class PackReader {
  readonly #file: BlockFile
  readonly #index: PackIndex
  readonly #maxBytes: number
  readonly #kept = new Map<number, GitObject>()
  #keptBytes = 0

  /** Objects of more than `maxBytes` are refused. */
  constructor(file: BlockFile, index: PackIndex, maxBytes: number) {
    this.#file = file
    this.#index = index
    this.#maxBytes = maxBytes
  }

  /** Undefined when the pack does not have it. */
  async read(id: Buffer): Promise<GitObject | undefined> {
    const offset = await this.#index.offsetOf(id)
    return offset === undefined ? undefined : this.#object(offset)
  }

  /** The length of an object's content; undefined when the pack does not have it. Bytes. */
  async sizeOf(id: Buffer): Promise<number | undefined> {
    const offset = await this.#index.offsetOf(id)
    if (offset === undefined) return undefined
    const header = await this.#header(offset)
    if (header.base === undefined) return header.size
    const packed = await this.#packed(header, HEADER_BYTES)
    return this.#damage(() => resultSize(inflateSync(packed, PARTIAL)))
  }

  async #object(offset: number): Promise<GitObject> {
    const deltas: { readonly offset: number; readonly delta: Buffer }[] = []
    for (let at = offset; deltas.length < MAX_CHAIN; ) {
      const kept = this.#kept.get(at)
      if (kept !== undefined) return this.#apply(kept, deltas)
      const header = await this.#header(at)
      const content = await this.#inflate(header)
      if (header.base === undefined) {
        const type = TYPES[header.type]
        if (type === undefined) throw this.#file.corrupt(`an object of unknown type ${header.type}`)
        return this.#apply(this.#keep(at, { type, content }), deltas)
      }
      deltas.push({ offset: at, delta: content })
      const next = 'offset' in header.base ? header.base.offset : await this.#index.offsetOf(header.base.id)
      if (next === undefined) throw this.#file.corrupt('an object is made out of one that is not in the pack')
      at = next
    }
    throw this.#file.corrupt('objects are made out of each other without end')
  }

  #apply(base: GitObject, deltas: readonly { readonly offset: number; readonly delta: Buffer }[]): GitObject {
    let object = base
    for (const { offset, delta } of [...deltas].reverse()) {
      this.#requireSmall(resultSize(delta))
      const { type, content } = object
      object = this.#keep(offset, { type, content: this.#damage(() => applyDelta(content, delta)) })
    }
    return object
  }

  #keep(offset: number, object: GitObject): GitObject {
    if (object.content.length > KEPT_BYTES / 4 || this.#kept.has(offset)) return object
    this.#kept.set(offset, object)
    this.#keptBytes += object.content.length
    for (const [oldest, { content }] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES) break
      this.#kept.delete(oldest)
      this.#keptBytes -= content.length
    }
    return object
  }

  async #header(offset: number): Promise<Header> {
    const bytes = await this.#file.readUpTo(offset, HEADER_BYTES)
    let at = 0
    const next = () => {
      const byte = bytes[at]
      if (byte === undefined) throw this.#file.corrupt('the pack ends within an object')
      at += 1
      return byte
    }
    let byte = next()
    const type = (byte >> 4) & 7
    let size = byte & 15
    for (let factor = 16; byte >= 0x80; factor *= 0x80) {
      byte = next()
      size += (byte & 0x7f) * factor
    }
    let base: Header['base']
    if (type === ID_DELTA) {
      base = { id: bytes.subarray(at, at + ID_BYTES) }
      at += ID_BYTES
    } else if (type === OFFSET_DELTA) {
      byte = next()
      let distance = byte & 0x7f
      while (byte >= 0x80) {
        byte = next()
        distance = (distance + 1) * 0x80 + (byte & 0x7f)
      }
      if (distance === 0 || distance > offset) throw this.#file.corrupt('an object is made out of none')
      base = { offset: offset - distance }
    }
    return { type, size, start: offset + at, base }
  }

  async #inflate(header: Header): Promise<Buffer> {
    this.#requireSmall(header.size)
    // What zlib makes of bytes that it cannot pack is a little more than these.
    const packed = await this.#packed(header, header.size + (header.size >>> 8) + 128)
    const content = this.#damage(() => inflateSync(packed, { maxOutputLength: Math.max(1, header.size) }))
    if (content.length !== header.size) throw this.#file.corrupt('an object is not as long as the pack says')
    return content
  }

  #packed({ start }: Header, bytes: number): Promise<Buffer> {
    return this.#file.readUpTo(start, bytes)
  }

  #requireSmall(bytes: number): void {
    if (bytes <= this.#maxBytes) return
    const message = `an object of ${bytes} bytes is too large to be read here: clone the dataset to look into it`
    throw new StoreError({ kind: 'unsupported', op: 'get', where: this.#file.where, message, sent: 'no' })
  }

  #damage<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.#file.corrupt(`an object is damaged: ${messageOf(error)}`)
    }
  }
}
