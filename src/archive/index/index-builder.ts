import { crc32 } from 'node:zlib'
import { hasBit } from '../header/bits.ts'
import type { FilesInfo, NamesSink } from '../header/files-info.ts'
import type { HeaderReader } from '../header/header-reader.ts'
import { MAX_NAME_BYTES } from '../header/limits.ts'
import type { StreamsInfo } from '../header/streams.ts'
import { writeFolders } from './folder-records.ts'
import { HashTable } from './hash-table.ts'
import { ENTRY_BYTES, FLAG, formatIndexHeader, type Part, PLACE } from './index-format.ts'
import type { IndexStorage } from './index-storage.ts'
import { MemberCursor } from './member-cursor.ts'
import { copyUnits, MAX_BYTES_PER_UNIT, NameList } from './names.ts'
import { IndexUnwritable, PAGE_BYTES, PageWriter, writePart } from './page-file.ts'

/** Names are converted, and entries written, so many bytes at a time. */
const CHUNK_BYTES = 128 * 1024

/**
 * Writes an index while the end header of an archive is parsed: first the names as they come, then
 * the rest. Methods throw IndexUnwritable when the storage fails.
 */
export class IndexBuilder implements NamesSink {
  readonly #storage: IndexStorage
  readonly #writer: PageWriter
  #names = new NameList(0)
  readonly #units = new Uint16Array(CHUNK_BYTES / 2)
  #namesPart: Part = { at: PAGE_BYTES, length: 0 }

  constructor(storage: IndexStorage) {
    this.#storage = storage
    this.#writer = new PageWriter(storage)
  }

  begin(count: number): void {
    this.#names = new NameList(count)
  }

  async add(reader: HeaderReader, length: number): Promise<void> {
    const names = this.#names
    const at = this.#writer.position
    for (let done = 0; done < length; ) {
      if (reader.buffered < 2) await reader.fill(2)
      const part = reader.take(Math.min(CHUNK_BYTES, length - done, reader.buffered & ~1))
      if (part.length === 0) throw reader.corrupt('it ends too early')
      const space = await this.#writer.reserve((part.length / 2 + 1) * MAX_BYTES_PER_UNIT)
      const end = names.add(copyUnits(part, this.#units), space)
      if (end < 0) throw reader.corrupt('it has more names than members')
      this.#writer.advance(end)
      done += part.length
      if (names.longest > MAX_NAME_BYTES) throw reader.unsupported(`a name of more than ${MAX_NAME_BYTES} bytes`)
    }
    if (names.count !== names.ends.length || !names.atEnd) throw reader.corrupt('it has fewer names than members')
    this.#namesPart = { at, length: this.#writer.position - at }
  }

  #nameEnd(item: number): number {
    return item < 0 ? 0 : (this.#names.ends[item] as number)
  }

  /**
   * Writes all but the names, and last of all the header: from then on it is an index of the
   * archive with this digest. Throws `corrupt` when streams and files do not match.
   */
  async finish(archive: string, reader: HeaderReader, streams: StreamsInfo, files: FilesInfo): Promise<void> {
    const writer = this.#writer
    await writer.endPage()
    const table = await this.#fillTable(reader, files)
    const entries = await writePart(writer, () => this.#writeEntries(reader, streams, files, table))
    const records = await writeFolders(writer, streams)
    const slots = await writePart(writer, () => writer.write(new Uint8Array(table.slots.buffer)))
    await writer.endPage()
    const crcs = writer.crcs.slice()
    const bytes = new Uint8Array(crcs.buffer)
    const checksums = { at: writer.position, length: bytes.length, crc: crc32(bytes) }
    const page = formatIndexHeader({
      archive,
      found: table.count,
      names: this.#namesPart,
      entries,
      ...records,
      table: slots,
      checksums,
    })
    await this.#write(bytes, checksums.at)
    await this.#write(page, 0)
  }

  /** Waits until nobody writes to the storage any more. */
  settle(): Promise<void> {
    return this.#writer.settle()
  }

  async #fillTable(reader: HeaderReader, files: FilesInfo): Promise<HashTable> {
    const table = new HashTable(files.count)
    const { hashes } = this.#names
    for (let item = 0; item < files.count; item++) {
      if (files.kindOf(item) === 'none') continue
      const hash = hashes[item] as number
      if (table.add(item, hash)) continue
      const added = await table.addSlowly(item, hash, (one, other) => this.#sameName(one, other))
      if (!added) throw reader.unsupported('too many names have the same hash')
    }
    return table
  }

  async #sameName(one: number, other: number): Promise<boolean> {
    const lengths = [one, other].map((item) => this.#nameEnd(item) - this.#nameEnd(item - 1))
    return lengths[0] === lengths[1] && (await this.#name(one)).equals(await this.#name(other))
  }

  async #name(item: number): Promise<Buffer> {
    const start = this.#nameEnd(item - 1)
    const name = Buffer.alloc(this.#nameEnd(item) - start)
    try {
      await this.#storage.read(name, this.#namesPart.at + start)
    } catch (error) {
      throw new IndexUnwritable('cannot read the index of an archive back', { cause: error })
    }
    return name
  }

  async #writeEntries(
    reader: HeaderReader,
    streams: StreamsInfo,
    files: FilesInfo,
    { superseded }: HashTable,
  ): Promise<void> {
    const buffer = new ArrayBuffer(CHUNK_BYTES)
    const bytes = new Uint8Array(buffer)
    const floats = new Float64Array(buffer)
    const words = new Uint32Array(buffer)
    const cursor = new MemberCursor(streams)
    let used = 0
    for (let item = 0; item <= files.count; item++) {
      if (used === CHUNK_BYTES) {
        await this.#writer.write(bytes)
        used = 0
      }
      const at = used / 4
      const kind = item === files.count ? 'none' : files.kindOf(item)
      const hasContent = kind === 'content'
      if (hasContent && !cursor.next()) throw reader.corrupt('members have no content')
      const hasCrc = hasContent ? cursor.hasCrc : kind === 'empty'
      floats[at / 2] = hasContent ? cursor.size : 0
      floats[at / 2 + 1] = hasContent ? cursor.position : 0
      words[at + 4] = this.#nameEnd(item - 1)
      words[at + 5] = hasContent ? cursor.folder : PLACE.empty
      words[at + 6] = hasContent && hasCrc ? cursor.crc : 0
      words[at + 7] = (kind === 'none' || hasBit(superseded, item) ? 0 : FLAG.found) | (hasCrc ? FLAG.hasCrc : 0)
      used += ENTRY_BYTES
    }
    await this.#writer.write(bytes.subarray(0, used))
    if (cursor.next()) throw reader.corrupt('content belongs to no member')
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await this.#storage.write(bytes, position)
    } catch (error) {
      throw new IndexUnwritable('cannot write the index of an archive', { cause: error })
    }
  }
}
