import { crc32 } from 'node:zlib'
import { type PackedFolder, readFolder } from './folder-records.ts'
import { ENTRY_BYTES, FLAG, type IndexHeader, type Part, PLACE, parseIndexHeader, SLOT_BYTES } from './index-format.ts'
import type { IndexStorage } from './index-storage.ts'
import { decodeName, encodeName, hashName } from './names.ts'
import { IndexDamaged, PAGE_BYTES, PageReader } from './page-file.ts'

/** What an index says of a member. */
export interface IndexedMember {
  readonly name: string
  readonly size: number
  readonly crc: number | undefined
  readonly place: MemberPlace
}

/**
 * Where a member's content is: as it is from a position of the archive file on, or from a position
 * of a folder's unpacked content on.
 */
export type MemberPlace =
  | { readonly kind: 'empty' }
  | { readonly kind: 'copy'; readonly position: number }
  | { readonly kind: 'packed'; readonly folder: number; readonly position: number }

/** Members are listed so many at a time. */
const BLOCK_MEMBERS = 1024

/**
 * An index that was written, open for reading. A lookup reads a few pages; nothing is loaded whole.
 * Methods throw IndexDamaged when what they read is not what was written, and node's errors when it
 * cannot be read.
 */
export class MemberIndex {
  readonly #storage: IndexStorage
  readonly #header: IndexHeader
  readonly #pages: PageReader

  constructor(storage: IndexStorage, header: IndexHeader, pages: PageReader) {
    this.#storage = storage
    this.#header = header
    this.#pages = pages
  }

  /** `archive`: the digest of the archive that it has to be the index of. */
  static async open(storage: IndexStorage, archive: string): Promise<MemberIndex> {
    const page = Buffer.from(new ArrayBuffer(PAGE_BYTES))
    if ((await storage.read(page, 0)) < PAGE_BYTES) throw new IndexDamaged('it is cut off')
    const header = parseIndexHeader(page)
    if (header.archive !== archive) throw new IndexDamaged('it is of another archive')
    const { at, length, crc } = header.checksums
    const bytes = Buffer.from(new ArrayBuffer(length))
    if ((await storage.read(bytes, at)) < length || crc32(bytes) !== crc) {
      throw new IndexDamaged('its checksums are not as they were written')
    }
    return new MemberIndex(storage, header, new PageReader(storage, new Uint32Array(bytes.buffer)))
  }

  /** Members that can be found. */
  get count(): number {
    return this.#header.found
  }

  /** Entries, also those of directories. */
  get #entries(): number {
    return this.#header.entries.length / ENTRY_BYTES - 1
  }

  async find(name: string): Promise<IndexedMember | undefined> {
    const { table } = this.#header
    const wanted = encodeName(name)
    const hash = hashName(name)
    const slots = table.length / SLOT_BYTES
    const slotsPerPage = PAGE_BYTES / SLOT_BYTES
    let slot = hash % slots
    for (let looked = 0; looked < slots; ) {
      const count = Math.min(slotsPerPage - (slot % slotsPerPage), slots - slot)
      const words = wordsOf(await this.#read(table, slot * SLOT_BYTES, count * SLOT_BYTES))
      for (let i = 0; i < count; i++) {
        const number = words[i * 2 + 1] as number
        if (number === 0) return undefined
        if (words[i * 2] !== hash) continue
        const entry = await this.#entry(number - 1)
        if (entry.nameLength !== wanted.length) continue
        const there = await this.#read(this.#header.names, entry.nameAt, entry.nameLength)
        if (there.equals(wanted)) return toMember(name, entry)
      }
      looked += count
      slot = (slot + count) % slots
    }
    return undefined
  }

  /**
   * Members in the archive's order from entry number `from` on, some at a time, and where to go on;
   * `next` is undefined after the last.
   */
  async list(from: number): Promise<{ members: IndexedMember[]; next: number | undefined }> {
    const { names } = this.#header
    const count = Math.min(BLOCK_MEMBERS, this.#entries - from)
    if (count <= 0) return { members: [], next: undefined }
    const bytes = await this.#read(this.#header.entries, from * ENTRY_BYTES, (count + 1) * ENTRY_BYTES)
    const entries = Array.from({ length: count }, (_, i) => parseEntry(bytes.subarray(i * ENTRY_BYTES)))
    const start = entries[0]?.nameAt ?? 0
    const last = entries[count - 1]
    const texts = await this.#read(names, start, last === undefined ? 0 : last.nameAt + last.nameLength - start)
    const members = entries
      .filter(({ flags }) => (flags & FLAG.found) !== 0)
      .map((entry) => {
        const at = entry.nameAt - start
        return toMember(decodeName(texts.subarray(at, at + entry.nameLength)), entry)
      })
    return { members, next: from + count < this.#entries ? from + count : undefined }
  }

  folder(number: number): Promise<PackedFolder> {
    return readFolder(this.#pages, this.#header, number)
  }

  close(): Promise<void> {
    return this.#storage.close()
  }

  async #entry(number: number): Promise<Entry> {
    return parseEntry(await this.#read(this.#header.entries, number * ENTRY_BYTES, ENTRY_BYTES + ENTRY_BYTES))
  }

  async #read(part: Part, offset: number, length: number): Promise<Buffer> {
    if (offset + length > part.length) throw new IndexDamaged('a place outside of it')
    return length === 0 ? Buffer.alloc(0) : this.#pages.read(part.at + offset, length)
  }
}

interface Entry {
  readonly size: number
  readonly position: number
  readonly nameAt: number
  readonly nameLength: number
  readonly folder: number
  readonly crc: number
  readonly flags: number
}

/** `bytes`: of the entry and of the next one. */
function parseEntry(bytes: Buffer): Entry {
  const floats = new Float64Array(bytes.buffer, bytes.byteOffset, 2)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, (2 * ENTRY_BYTES) / 4)
  const nameAt = words[4] as number
  return {
    size: floats[0] as number,
    position: floats[1] as number,
    nameAt,
    nameLength: (words[ENTRY_BYTES / 4 + 4] as number) - nameAt,
    folder: words[5] as number,
    crc: words[6] as number,
    flags: words[7] as number,
  }
}

function wordsOf(bytes: Buffer): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

function toMember(name: string, { size, position, folder, crc, flags }: Entry): IndexedMember {
  const place: MemberPlace =
    folder === PLACE.empty
      ? { kind: 'empty' }
      : folder === PLACE.copy
        ? { kind: 'copy', position }
        : { kind: 'packed', folder, position }
  return { name, size, crc: (flags & FLAG.hasCrc) === 0 ? undefined : crc, place }
}
