import { decode } from '../core/text.ts'

/** A regular file in a tar archive. */
export interface TarMember {
  readonly path: string
  readonly content: Buffer
}

const BLOCK = 512

/** Where the fields of a header are (POSIX ustar, pax: Interchange Format). */
const [NAME, SIZE, TYPE, MAGIC, PREFIX] = [
  [0, 100],
  [124, 136],
  [156, 157],
  [257, 262],
  [345, 500],
] as const

/**
 * The files in a tar archive, as GNU tar, bsdtar and POSIX write them. What is no regular file is
 * left out. Ends, without an error, where the archive is cut off or no archive: a file that is
 * given is whole, and whether it is right is for its reader to check.
 */
export function* tarMembers(archive: Buffer): Generator<TarMember, void, void> {
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK)
    const field = ([start, end]: readonly [number, number]) => textOf(header.subarray(start, end))
    const size = Number.parseInt(field(SIZE).trim() || '0', 8)
    const start = at + BLOCK
    if (!Number.isSafeInteger(size) || size < 0 || start + size > archive.length) return
    const content = archive.subarray(start, start + size)
    const type = field(TYPE)
    if (type === 'L') longName = textOf(content)
    else if (type === 'x') longName = paxPath(content) ?? longName
    else {
      const prefix = field(MAGIC) === 'ustar' ? field(PREFIX) : ''
      const name = field(NAME)
      if (name === '') return
      const path = longName ?? (prefix === '' ? name : `${prefix}/${name}`)
      if (type === '0' || type === '') yield { path, content }
      longName = undefined
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
}

/** Up to the first zero byte. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Records are `<length> <keyword>=<value>\n`. */
function paxPath(records: Buffer): string | undefined {
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(records.toString('latin1', at, at + 20), 10)
    if (!(length > 0)) return undefined
    const record = decode(records.subarray(records.indexOf(32, at) + 1, at + length - 1))
    if (record.startsWith('path=')) return record.slice('path='.length)
    at += length
  }
  return undefined
}
