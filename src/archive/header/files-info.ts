import { type Bits, countBits, hasBit } from './bits.ts'
import type { HeaderReader } from './header-reader.ts'
import { MAX_ITEMS } from './limits.ts'
import { PROPERTY } from './properties.ts'

/** What an archive says of its items (files and directories) besides their names. */
export interface FilesInfo {
  readonly count: number
  kindOf(item: number): ItemKind
}

/**
 * `content`: the next of the archive's substreams belongs to it. `none`: a directory, or a mark
 * that something was removed.
 */
export type ItemKind = 'content' | 'empty' | 'none'

/** Takes the names as they come. */
export interface NamesSink {
  /** Called once, before the names. */
  begin(count: number): void
  /**
   * Gets the next `length` bytes of the reader, the names in UTF-16LE, each with a NUL at its end.
   * Throws `corrupt` when they are not as many as expected.
   */
  add(reader: HeaderReader, length: number): Promise<void>
}

/**
 * Parses a FilesInfo, whose type byte has been read. Its properties may come in any order; unknown
 * ones are skipped.
 */
export async function parseFilesInfo(reader: HeaderReader, names: NamesSink): Promise<FilesInfo> {
  const count = await reader.nextCount('members', 2, MAX_ITEMS)
  names.begin(count)
  let hasNames = false
  const bits = new Map<number, Uint8Array>()
  for (;;) {
    const type = await reader.nextNumber()
    if (type === PROPERTY.end) break
    const length = await reader.nextNumber()
    if (length > reader.left) throw reader.corrupt('a property is longer than what is left')
    if (type === PROPERTY.names) {
      if (hasNames) throw reader.corrupt('names are given twice')
      hasNames = true
      if (length === 0) throw reader.corrupt('it has no names')
      if ((await reader.nextByte()) !== 0) throw reader.unsupported('its names are kept elsewhere')
      if (length % 2 === 0) throw reader.corrupt('a name is cut off')
      await names.add(reader, length - 1)
    } else if (type === PROPERTY.emptyStream || type === PROPERTY.emptyFile || type === PROPERTY.anti) {
      if (length > Math.ceil(count / 8)) throw reader.corrupt(`a property (${type}) is too long`)
      bits.set(type, await reader.nextLongBytes(length))
    } else {
      await reader.skip(length)
    }
  }
  if (!hasNames && count > 0) throw reader.corrupt('it has no names')
  return filesInfo(reader, count, bits)
}

function filesInfo(reader: HeaderReader, count: number, bits: ReadonlyMap<number, Uint8Array>): FilesInfo {
  const given = (type: number, length: number): Bits => {
    const found = bits.get(type)
    if (found === undefined) return new Uint8Array(0)
    if (found.length !== Math.ceil(length / 8)) throw reader.corrupt(`a property (${type}) has the wrong length`)
    return found
  }
  const emptyStream = given(PROPERTY.emptyStream, count)
  const empty = countBits(emptyStream, count)
  const emptyFile = given(PROPERTY.emptyFile, empty)
  const anti = given(PROPERTY.anti, empty)
  // Both count only the items without a stream.
  const kinds = new Uint8Array(count)
  let n = 0
  for (let i = 0; i < count; i++) {
    if (!hasBit(emptyStream, i)) continue
    kinds[i] = hasBit(emptyFile, n) && !hasBit(anti, n) ? 1 : 2
    n += 1
  }
  return { count, kindOf: (item) => KINDS[kinds[item] ?? 0] ?? 'none' }
}

const KINDS: readonly ItemKind[] = ['content', 'empty', 'none']
