import { crc32 } from 'node:zlib'
import { IndexDamaged, PAGE_BYTES } from './page-file.ts'

/**
 * An index file. Numbers are in the byte order of the machine that wrote it; on another one it does
 * not pass as an index.
 *
 * page 0 u32 MAGIC, u32 CRC-32 and u32 length of what follows: IndexHeader as JSON names the
 * members' names in UTF-8 (names.ts), without separators entries ENTRY_BYTES for each member in the
 * archive's order, and one more that says where the last name ends folders FOLDER_BYTES for each
 * folder that is not a mere copy sizes f64s: for each such folder its packed streams' sizes, then
 * its coders' unpacked sizes descriptions JSON texts of folder-description.ts table SLOT_BYTES for
 * each slot of a hash table with linear probing page checksums u32s: the CRC-32 of each page from
 * page 1 on to here
 *
 * Each part begins with a page of its own.
 */
export interface IndexHeader {
  /** Which archive it is of: `ArchiveId.digest`. */
  readonly archive: string
  /** Members that can be found: no directories, no names that come again later. */
  readonly found: number
  readonly names: Part
  readonly entries: Part
  readonly folders: Part
  readonly sizes: Part
  readonly descriptions: Part
  readonly table: Part
  readonly checksums: Part & { readonly crc: number }
}

/** Position and length in bytes. */
export interface Part {
  readonly at: number
  readonly length: number
}

const VERSION = 1
const MAGIC = 0x52_49_41_00 + VERSION
const PREFIX_BYTES = 12

/** f64 size, f64 position, u32 start of the name, u32 folder or a Place, u32 CRC, u32 flags. */
export const ENTRY_BYTES = 32

/** What an entry has in the place of a folder's number. */
export const PLACE = {
  /** The position is that of the member in the archive file. */
  copy: 0xffffffff,
  /** It has no content. */
  empty: 0xfffffffe,
} as const

export const FLAG = {
  /** It is a member: no directory, and no later one has its name. */
  found: 1,
  hasCrc: 2,
} as const

/**
 * f64 position of the first packed stream in the archive file, f64 unpacked size, u32 number of its
 * first size, u32 position and u32 length of its description, u32 CRC, u32 1 when it has a CRC, u32
 * members.
 */
export const FOLDER_BYTES = 40

/** u32 hash of the name, u32 entry's number plus one; 0 in a free slot. */
export const SLOT_BYTES = 8

/** A power of two, so that at most two thirds are in use. */
export function slotsFor(members: number): number {
  let slots = 8
  while (slots * 2 < members * 3) slots *= 2
  return slots
}

export function formatIndexHeader(header: IndexHeader): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const page = Buffer.from(new ArrayBuffer(PAGE_BYTES))
  text.copy(page, PREFIX_BYTES)
  new Uint32Array(page.buffer, 0, 3).set([MAGIC, crc32(text), text.length])
  return page
}

/** Throws IndexDamaged for a page that is no index header of this version. */
export function parseIndexHeader(page: Buffer): IndexHeader {
  const prefix = new Uint32Array(page.buffer, page.byteOffset, 3)
  const text = page.subarray(PREFIX_BYTES, PREFIX_BYTES + (prefix[2] ?? 0))
  if (page.length !== PAGE_BYTES || prefix[0] !== MAGIC || crc32(text) !== prefix[1]) {
    throw new IndexDamaged('its first page is not as it was written')
  }
  return JSON.parse(text.toString())
}
