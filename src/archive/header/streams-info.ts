import { countBits, type Digests, hasBit, newBits, nextDigests, setBit } from './bits.ts'
import { FolderCursor } from './folder-cursor.ts'
import { type FolderDescription, FolderDescriptions } from './folder-description.ts'
import { type HeaderReader, NUMBER_BYTES } from './header-reader.ts'
import { MAX_ITEMS } from './limits.ts'
import { PROPERTY } from './properties.ts'
import { type Folders, NO_STREAMS, type StreamsInfo, type Substreams } from './streams.ts'

/**
 * Parses a StreamsInfo, whose type byte has been read. `packedEnd`: no packed stream may go on
 * behind it; from the end of the signature header.
 */
export async function parseStreamsInfo(reader: HeaderReader, packedEnd: number): Promise<StreamsInfo> {
  let { packPosition, packSizes, folders } = NO_STREAMS
  let members: Substreams | undefined
  let type = await reader.nextNumber()
  if (type === PROPERTY.packInfo) {
    ;({ packPosition, packSizes } = await parsePackInfo(reader, packedEnd))
    type = await reader.nextNumber()
  }
  if (type === PROPERTY.unpackInfo) {
    folders = await parseFolders(reader)
    type = await reader.nextNumber()
  }
  if (type === PROPERTY.substreamsInfo) {
    members = await parseSubstreams(reader, folders)
    type = await reader.nextNumber()
  }
  if (type !== PROPERTY.end) throw reader.corrupt(`an unexpected part (${type}) among its streams`)
  const streams = { packPosition, packSizes, folders, members: members ?? oneMemberEach(folders) }
  checkPacked(reader, streams)
  return streams
}

function checkPacked(reader: HeaderReader, streams: StreamsInfo): void {
  const { folders, packSizes } = streams
  let packed = 0
  for (const number of folders.described) packed += folders.descriptions[number]?.packedInputs.length ?? 0
  if (packed !== packSizes.length) throw reader.corrupt('its folders and packed streams do not match')
  for (const cursor = new FolderCursor(streams); cursor.next(); ) {
    if (cursor.isCopy && cursor.packedSize !== cursor.unpackedSize) throw reader.corrupt('a copy has another size')
  }
}

async function parsePackInfo(reader: HeaderReader, packedEnd: number) {
  const packPosition = await reader.nextNumber()
  const count = await reader.nextCount('packed streams', 1, MAX_ITEMS)
  const packSizes = new Float64Array(count)
  await skipTo(reader, PROPERTY.size)
  let end = packPosition
  for (let i = 0; i < count; i++) {
    if (reader.buffered < NUMBER_BYTES) await reader.fill(NUMBER_BYTES)
    end += packSizes[i] = reader.number()
  }
  if (end > packedEnd) throw reader.corrupt('packed streams lie behind the end of the archive')
  for (;;) {
    const type = await reader.nextNumber()
    if (type === PROPERTY.end) return { packPosition, packSizes }
    if (type === PROPERTY.crc) await nextDigests(reader, count)
    else await skipProperty(reader)
  }
}

async function parseFolders(reader: HeaderReader): Promise<Folders> {
  await skipTo(reader, PROPERTY.folder)
  const count = await reader.nextCount('folders', 3, MAX_ITEMS)
  if ((await reader.nextByte()) !== 0) throw reader.unsupported('its folders are described elsewhere')
  const descriptions = new FolderDescriptions()
  const described = new Uint16Array(count)
  let coders = 0
  for (let i = 0; i < count; i++) {
    let number = descriptions.nextSame(reader)
    if (number < 0) number = await descriptions.next(reader)
    described[i] = number
    coders += descriptions.all[number]?.coders.length ?? 0
  }
  await skipTo(reader, PROPERTY.codersUnpackSize)
  if (coders > reader.left) throw reader.corrupt('sizes of folders are missing')
  const unpackSizes = new Float64Array(coders)
  for (let i = 0; i < coders; i++) {
    if (reader.buffered < NUMBER_BYTES) await reader.fill(NUMBER_BYTES)
    unpackSizes[i] = reader.number()
  }
  let digests: Digests | undefined
  for (;;) {
    const type = await reader.nextNumber()
    if (type === PROPERTY.end) return { count, descriptions: descriptions.all, described, unpackSizes, digests }
    if (type === PROPERTY.crc) digests = await nextDigests(reader, count)
    else await skipProperty(reader)
  }
}

async function parseSubstreams(reader: HeaderReader, folders: Folders): Promise<Substreams> {
  let type = await reader.nextNumber()
  while (type !== PROPERTY.substreamCount && type !== PROPERTY.size && type !== PROPERTY.crc && type !== PROPERTY.end) {
    await skipProperty(reader)
    type = await reader.nextNumber()
  }
  let counts: Uint32Array | undefined
  if (type === PROPERTY.substreamCount) {
    counts = await parseCounts(reader, folders.count)
    type = await reader.nextNumber()
  }
  const sizes = await parseSizes(reader, folders, counts, type === PROPERTY.size)
  if (type === PROPERTY.size) type = await reader.nextNumber()
  let digests: Digests | undefined
  for (; type !== PROPERTY.end; type = await reader.nextNumber()) {
    if (type === PROPERTY.crc) digests = await nextDigests(reader, countUnknown(folders, counts))
    else await skipProperty(reader)
  }
  return { counts, sizes, digests: joinDigests(folders, counts, sizes.length, digests) }
}

async function parseCounts(reader: HeaderReader, folders: number): Promise<Uint32Array> {
  const counts = new Uint32Array(folders)
  let total = 0
  for (let i = 0; i < folders; i++) {
    if (reader.buffered < NUMBER_BYTES) await reader.fill(NUMBER_BYTES)
    const count = reader.number()
    total += count
    if (total > MAX_ITEMS) throw reader.unsupported(`more than ${MAX_ITEMS} members`)
    counts[i] = count
  }
  // Each has a size but for one per folder, and a name of at least two bytes.
  if (total > reader.left + folders) throw reader.corrupt(`it cannot hold ${total} members`)
  return counts
}

/** A folder's last member has no size of its own: it is what is left of the folder. */
async function parseSizes(
  reader: HeaderReader,
  folders: Folders,
  counts: Uint32Array | undefined,
  given: boolean,
): Promise<Float64Array> {
  const sizes = new Float64Array(counts === undefined ? folders.count : sum(counts))
  let coder = 0
  let member = 0
  for (let i = 0; i < folders.count; i++) {
    const description = folders.descriptions[folders.described[i] as number] as FolderDescription
    let left = folders.unpackSizes[coder + description.mainCoder] as number
    coder += description.coders.length
    const count = counts === undefined ? 1 : (counts[i] as number)
    if (count === 0) continue
    if (count > 1 && !given) throw reader.corrupt('sizes of members are missing')
    for (let n = 1; n < count; n++) {
      if (reader.buffered < NUMBER_BYTES) await reader.fill(NUMBER_BYTES)
      const size = reader.number()
      left -= size
      sizes[member++] = size
    }
    if (left < 0) throw reader.corrupt('members are larger than their folder')
    sizes[member++] = left
  }
  return sizes
}

/** Members whose checksum is not that of their folder. */
function countUnknown(folders: Folders, counts: Uint32Array | undefined): number {
  let unknown = 0
  for (let i = 0; i < folders.count; i++) {
    const count = counts === undefined ? 1 : (counts[i] as number)
    if (count !== 1 || !hasFolderDigest(folders, i)) unknown += count
  }
  return unknown
}

function joinDigests(
  folders: Folders,
  counts: Uint32Array | undefined,
  members: number,
  own: Digests | undefined,
): Digests {
  if (own !== undefined && own.crcs.length === members) return own // no folder has a checksum that counts
  const defined = newBits(members)
  const crcs = new Uint32Array(members)
  let member = 0
  let next = 0
  for (let i = 0; i < folders.count; i++) {
    const count = counts === undefined ? 1 : (counts[i] as number)
    const fromFolder = count === 1 && hasFolderDigest(folders, i)
    for (let n = 0; n < count; n++, member++) {
      const digests = fromFolder ? folders.digests : own
      const index = fromFolder ? i : next++
      if (digests === undefined || !hasBit(digests.defined, index)) continue
      setBit(defined, member)
      crcs[member] = digests.crcs[index] as number
    }
  }
  return { defined: countBits(defined, members) === members ? undefined : defined, crcs }
}

function oneMemberEach(folders: Folders): Substreams {
  const sizes = new Float64Array(folders.count)
  let coder = 0
  for (let i = 0; i < folders.count; i++) {
    const description = folders.descriptions[folders.described[i] as number] as FolderDescription
    sizes[i] = folders.unpackSizes[coder + description.mainCoder] as number
    coder += description.coders.length
  }
  return { counts: undefined, sizes, digests: joinDigests(folders, undefined, folders.count, undefined) }
}

function hasFolderDigest({ digests }: Folders, index: number): boolean {
  return digests !== undefined && hasBit(digests.defined, index)
}

function sum(counts: Uint32Array): number {
  let total = 0
  for (const count of counts) total += count
  return total
}

async function skipTo(reader: HeaderReader, wanted: number): Promise<void> {
  for (;;) {
    const type = await reader.nextNumber()
    if (type === wanted) return
    if (type === PROPERTY.end) throw reader.corrupt(`a part (${wanted}) is missing`)
    await skipProperty(reader)
  }
}

async function skipProperty(reader: HeaderReader): Promise<void> {
  await reader.skip(await reader.nextNumber())
}
