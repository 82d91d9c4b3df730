import type { GitObject } from '../objects/pack-reader.ts'
import { parseCommit } from '../objects/parse-objects.ts'
import { endsWithChecksum } from './plain-pack.ts'

const ID_BYTES = 20
const HEADER_BYTES = 8
const CHUNK_BYTES = 12
const NO_PARENT = 0x70000000
const DATE_BITS = 0x100000000

/**
 * Those that `git commit-graph verify` looks into, and the paths that changed, which it does not.
 */
const CHUNKS = new Set(['OIDF', 'OIDL', 'CDAT', 'GDA2', 'BIDX', 'BDAT'])

interface Row {
  readonly tree: string
  readonly parents: readonly number[]
  readonly level: number
  /** In s since 1970. */
  readonly date: number
}

/**
 * Whether a commit-graph says of each of its commits what the commit itself says. Source:
 * gitformat-commit-graph(5). False where it has parts that only git knows, too.
 */
export function isGraphTrue(file: Buffer, objects: ReadonlyMap<string, GitObject>): boolean {
  const chunks = endsWithChecksum(file) ? readChunks(file) : undefined
  const [ids, rows, fanout] = [chunks?.get('OIDL'), chunks?.get('CDAT'), chunks?.get('OIDF')]
  if (ids === undefined || rows === undefined || fanout?.length !== 256 * 4) return false
  const count = ids.length / ID_BYTES
  if (rows.length !== count * (ID_BYTES + 16) || !isFanoutOf(fanout, ids)) return false
  const generations = chunks?.get('GDA2')
  if (generations !== undefined && generations.length !== count * 4) return false
  const names = Array.from({ length: count }, (_, i) => ids.toString('hex', i * ID_BYTES, (i + 1) * ID_BYTES))
  const all = names.map((_, i) => readRow(rows.subarray(i * (ID_BYTES + 16), (i + 1) * (ID_BYTES + 16)), count))
  const corrected = all.map((row, i) => (row?.date ?? 0) + (generations?.readUInt32BE(i * 4) ?? 0))
  return names.every((id, i) => {
    const [row, object] = [all[i], objects.get(id)]
    if (row === undefined || object?.type !== 'commit' || (i > 0 && id <= (names[i - 1] ?? ''))) return false
    const { tree, parents, committedMs } = parseCommit(object.content)
    if (row.tree !== tree || row.date * 1000 !== committedMs) return false
    if (parents.join() !== row.parents.map((parent) => names[parent]).join()) return false
    if (row.level !== 1 + Math.max(0, ...row.parents.map((parent) => all[parent]?.level ?? 0))) return false
    if (generations === undefined) return true
    if (generations.readUInt32BE(i * 4) >= 0x80000000) return false // is told in another part
    return row.parents.every((parent) => (corrected[i] ?? 0) > (corrected[parent] ?? 0))
  })
}

function readChunks(file: Buffer): ReadonlyMap<string, Buffer> | undefined {
  const [version, hash, count = 0, bases] = file.subarray(4, HEADER_BYTES)
  if (file.toString('latin1', 0, 4) !== 'CGPH' || version !== 1 || hash !== 1 || bases !== 0) return undefined
  const table = HEADER_BYTES + (count + 1) * CHUNK_BYTES
  if (file.length < table + ID_BYTES) return undefined
  const chunks = new Map<string, Buffer>()
  const offsetAt = (i: number) => Number(file.readBigUInt64BE(HEADER_BYTES + i * CHUNK_BYTES + 4))
  for (let i = 0; i < count; i++) {
    const name = file.toString('latin1', HEADER_BYTES + i * CHUNK_BYTES, HEADER_BYTES + i * CHUNK_BYTES + 4)
    const [start, end] = [offsetAt(i), offsetAt(i + 1)]
    if (!CHUNKS.has(name) || chunks.has(name) || start < table || end < start) return undefined
    chunks.set(name, file.subarray(start, end))
  }
  const isEnded = file.readUInt32BE(HEADER_BYTES + count * CHUNK_BYTES) === 0
  return isEnded && offsetAt(count) === file.length - ID_BYTES ? chunks : undefined
}

function isFanoutOf(fanout: Buffer, ids: Buffer): boolean {
  let at = 0
  for (let byte = 0; byte < 256; byte++) {
    while (at < ids.length && (ids[at] ?? 0) <= byte) at += ID_BYTES
    if (fanout.readUInt32BE(byte * 4) * ID_BYTES !== at) return false
  }
  return at === ids.length
}

/** Undefined for one with more than two parents, which are told in another part. */
function readRow(row: Buffer, count: number): Row | undefined {
  const numbers = [row.readUInt32BE(ID_BYTES), row.readUInt32BE(ID_BYTES + 4)]
  const parents = numbers.filter((parent) => parent !== NO_PARENT)
  if (parents.some((parent) => parent >= count) || (numbers[0] === NO_PARENT && parents.length > 0)) return undefined
  const high = row.readUInt32BE(ID_BYTES + 8)
  const date = (high & 3) * DATE_BITS + row.readUInt32BE(ID_BYTES + 12)
  return { tree: row.toString('hex', 0, ID_BYTES), parents, level: high >>> 2, date }
}
