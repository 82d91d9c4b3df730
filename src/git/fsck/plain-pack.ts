import { createHash } from 'node:crypto'
import { crc32, inflateSync } from 'node:zlib'
import { applyDelta, resultSize } from '../objects/delta.ts'
import type { GitObject, ObjectType } from '../objects/pack-reader.ts'

const ID_BYTES = 20
const FANOUT_BYTES = 256 * 4
const IDX_HEADER_BYTES = 8 + FANOUT_BYTES
const PACK_HEADER_BYTES = 12

/** By the number that a pack has for it (gitformat-pack, "object types"). */
const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' }
const OFFSET_DELTA = 6
const ID_DELTA = 7

/** An object of a pack, by its index. */
interface Indexed {
  readonly id: string
  readonly crc: number
  readonly offset: number
  /** In the index's order. */
  readonly position: number
}

/** What belongs to a pack, as bytes. */
export interface PackFiles {
  readonly pack: Buffer
  readonly idx: Buffer
  readonly rev: Buffer | undefined
}

/** Whether a file ends with the SHA-1 of all that is before it (gitformat-pack(5)). */
export function endsWithChecksum(file: Buffer): boolean {
  if (file.length < ID_BYTES) return false
  const end = file.length - ID_BYTES
  return createHash('sha1').update(file.subarray(0, end)).digest().equals(file.subarray(end))
}

/** The id that git gives an object, 40 hex digits. */
export function idOf({ type, content }: GitObject): string {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex')
}

/**
 * Reads every object of a small pack, each held against its id, where pack and index have not a
 * byte that is out of place; undefined otherwise. `maxBytes`: of all objects together. Throws
 * RangeError, or zlib's errors, for other damage.
 */
export function readPlainPack(files: PackFiles, maxBytes: number): ReadonlyMap<string, GitObject> | undefined {
  const { pack } = files
  if (pack.length < PACK_HEADER_BYTES + ID_BYTES || !endsWithChecksum(pack)) return undefined
  if (pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) return undefined
  const indexed = readIndex(files)
  if (indexed === undefined || indexed.length !== pack.readUInt32BE(8)) return undefined
  const inOrder = [...indexed].sort((a, b) => a.offset - b.offset)
  if (files.rev !== undefined && !isReverseOf(files.rev, inOrder, pack)) return undefined
  return new PlainPack(pack, indexed, inOrder, maxBytes).objects()
}

/** Undefined where something is not as git writes it, or the pack is larger than 2 GiB. */
function readIndex({ pack, idx }: PackFiles): readonly Indexed[] | undefined {
  if (idx.length < IDX_HEADER_BYTES || !endsWithChecksum(idx)) return undefined
  if (idx.readUInt32BE(0) !== 0xff744f63 || idx.readUInt32BE(4) !== 2) return undefined
  const count = idx.readUInt32BE(IDX_HEADER_BYTES - 4)
  const [crcs, offsets] = [IDX_HEADER_BYTES + count * ID_BYTES, IDX_HEADER_BYTES + count * (ID_BYTES + 4)]
  const end = offsets + count * 4
  if (idx.length !== end + 2 * ID_BYTES) return undefined
  if (!idx.subarray(end, end + ID_BYTES).equals(pack.subarray(-ID_BYTES))) return undefined
  const found: Indexed[] = []
  const upTo = new Array<number>(256).fill(0)
  for (let position = 0; position < count; position++) {
    const start = IDX_HEADER_BYTES + position * ID_BYTES
    const id = idx.toString('hex', start, start + ID_BYTES)
    if (id <= (found.at(-1)?.id ?? '')) return undefined
    const [crc, offset] = [idx.readUInt32BE(crcs + position * 4), idx.readUInt32BE(offsets + position * 4)]
    found.push({ id, crc, offset, position })
    upTo[idx[start] ?? 0] = position + 1
  }
  for (let byte = 0, before = 0; byte < 256; byte++) {
    before = Math.max(before, upTo[byte] ?? 0)
    if (idx.readUInt32BE(8 + byte * 4) !== before) return undefined
  }
  return found
}

/** Of a .rev file: the positions in the index, in the order of the pack. */
function isReverseOf(rev: Buffer, inOrder: readonly Indexed[], pack: Buffer): boolean {
  const end = PACK_HEADER_BYTES + inOrder.length * 4
  if (rev.length !== end + 2 * ID_BYTES || !endsWithChecksum(rev)) return false
  if (rev.toString('latin1', 0, 4) !== 'RIDX' || rev.readUInt32BE(4) !== 1 || rev.readUInt32BE(8) !== 1) return false
  if (!rev.subarray(end, end + ID_BYTES).equals(pack.subarray(-ID_BYTES))) return false
  return inOrder.every(({ position }, i) => rev.readUInt32BE(PACK_HEADER_BYTES + i * 4) === position)
}

/** The objects of a pack whose index is plain. */
class PlainPack {
  readonly #pack: Buffer
  readonly #inOrder: readonly Indexed[]
  readonly #offsets: ReadonlyMap<string, number>
  readonly #ends = new Map<number, number>()
  readonly #made = new Map<number, GitObject>()
  #left: number

  constructor(pack: Buffer, indexed: readonly Indexed[], inOrder: readonly Indexed[], maxBytes: number) {
    this.#pack = pack
    this.#inOrder = inOrder
    this.#left = maxBytes
    this.#offsets = new Map(indexed.map(({ id, offset }) => [id, offset]))
    inOrder.forEach(({ offset }, i) => {
      this.#ends.set(offset, inOrder[i + 1]?.offset ?? pack.length - ID_BYTES)
    })
  }

  objects(): ReadonlyMap<string, GitObject> | undefined {
    if ((this.#inOrder[0]?.offset ?? PACK_HEADER_BYTES) !== PACK_HEADER_BYTES) return undefined
    const objects = new Map<string, GitObject>()
    for (const { id, crc, offset } of this.#inOrder) {
      if (crc32(this.#pack.subarray(offset, this.#ends.get(offset))) !== crc) return undefined
      const object = this.#at(offset, 0)
      if (object === undefined || idOf(object) !== id) return undefined
      objects.set(id, object)
    }
    return objects
  }

  #at(offset: number, depth: number): GitObject | undefined {
    const known = this.#made.get(offset)
    if (known !== undefined) return known
    const end = this.#ends.get(offset)
    if (end === undefined || depth > this.#inOrder.length) return undefined
    const made = this.#make(offset, end, depth)
    if (made !== undefined) this.#made.set(offset, made)
    return made
  }

  #make(offset: number, end: number, depth: number): GitObject | undefined {
    let at = offset
    let byte = this.#pack[at++] ?? 0
    const number = (byte >> 4) & 7
    let size = byte & 15
    for (let factor = 16; byte >= 0x80; factor *= 0x80) {
      byte = this.#pack[at++] ?? 0
      size += (byte & 0x7f) * factor
    }
    let base: GitObject | undefined
    if (number === ID_DELTA) {
      base = this.#at(this.#offsets.get(this.#pack.toString('hex', at, at + ID_BYTES)) ?? -1, depth + 1)
      at += ID_BYTES
    } else if (number === OFFSET_DELTA) {
      byte = this.#pack[at++] ?? 0
      let distance = byte & 0x7f
      while (byte >= 0x80) {
        byte = this.#pack[at++] ?? 0
        distance = (distance + 1) * 0x80 + (byte & 0x7f)
      }
      base = this.#at(distance === 0 ? -1 : offset - distance, depth + 1)
    }
    const content = inflateAll(this.#pack.subarray(at, end), this.#take(size))
    const type = TYPES[number]
    if (type !== undefined) return { type, content }
    if (base === undefined) return undefined
    this.#take(resultSize(content))
    return { type: base.type, content: applyDelta(base.content, content) }
  }

  #take(bytes: number): number {
    this.#left -= bytes
    if (this.#left < 0) throw new RangeError('the objects are large')
    return bytes
  }
}

/**
 * Inflates what has to be all of `packed`. Throws RangeError when it is not, or when what comes out
 * is not of `size`, where that is known, and zlib's errors when it is more than `maxBytes`.
 */
export function inflateAll(packed: Buffer, size: number | undefined, maxBytes: number = size ?? 0): Buffer {
  // With `info` node tells how much was read; its types do not know that.
  const { buffer, engine } = inflateSync(packed, { info: true, maxOutputLength: Math.max(1, maxBytes) }) as unknown as {
    readonly buffer: Buffer
    readonly engine: { readonly bytesWritten: number }
  }
  if ((size !== undefined && buffer.length !== size) || engine.bytesWritten !== packed.length) {
    throw new RangeError('an object is not as long as it says')
  }
  return buffer
}
