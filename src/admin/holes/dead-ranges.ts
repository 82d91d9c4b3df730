import type { Archive } from '../../archive/archive.ts'
import { keyOfMember } from '../../ria/keys/member-names.ts'
import type { CallOptions } from '../../store/store.ts'

/** Bytes of a file, from `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** A file system keeps space by blocks: a part of one is not given back. Bytes. */
const BLOCK_BYTES = 4096

/**
 * Where an archive holds nothing but keys that are dropped, in the order of its bytes, as whole
 * blocks. A folder of several members that were compressed together counts once all of them are
 * dropped. Names of members that no client looks for count as being of use.
 */
export async function deadRanges(
  archive: Archive,
  isDropped: (fileName: string) => boolean,
  call: CallOptions,
): Promise<readonly Range[]> {
  const ranges: Range[] = []
  const droppedOf = new Map<number, number>()
  for await (const { name, size, place } of archive.members(call)) {
    const found = keyOfMember(name)
    if (found?.isFindable !== true || !isDropped(found.fileName)) continue
    if (place.kind === 'copy') ranges.push({ start: place.position, end: place.position + size })
    if (place.kind === 'packed') droppedOf.set(place.folder, (droppedOf.get(place.folder) ?? 0) + 1)
  }
  for (const [folder, dropped] of droppedOf) {
    const { start, end, members } = await archive.folderRange(folder)
    if (members === dropped) ranges.push({ start, end })
  }
  return wholeBlocks(joined(ranges))
}

function joined(ranges: Range[]): Range[] {
  ranges.sort((a, b) => a.start - b.start)
  const all: Range[] = []
  for (const range of ranges) {
    const last = all.at(-1)
    if (last !== undefined && last.end === range.start) all[all.length - 1] = { start: last.start, end: range.end }
    else all.push(range)
  }
  return all
}

function wholeBlocks(ranges: readonly Range[]): Range[] {
  return ranges
    .map(({ start, end }) => ({
      start: Math.ceil(start / BLOCK_BYTES) * BLOCK_BYTES,
      end: Math.floor(end / BLOCK_BYTES) * BLOCK_BYTES,
    }))
    .filter(({ start, end }) => start < end)
}
