import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import type { Store } from '../../store/store.ts'
import { decodeFolder, type Folder } from '../decode/decode-folder.ts'
import { splitPacked } from '../decode/split-packed.ts'
import { type FilesInfo, parseFilesInfo } from '../header/files-info.ts'
import { FolderCursor } from '../header/folder-cursor.ts'
import { HeaderReader } from '../header/header-reader.ts'
import { MAX_HEADER_BYTES, MAX_HEADER_NESTING } from '../header/limits.ts'
import { PROPERTY } from '../header/properties.ts'
import { SIGNATURE_BYTES, type Signature } from '../header/signature.ts'
import { NO_STREAMS, type StreamsInfo } from '../header/streams.ts'
import { parseStreamsInfo } from '../header/streams-info.ts'
import { toCoder } from './folder-records.ts'
import { IndexBuilder } from './index-builder.ts'
import type { IndexStorage } from './index-storage.ts'

/** An archive file as it was when it was looked at. */
export interface ArchiveFile {
  readonly store: Store
  readonly path: string
  /** For errors. */
  readonly where: string
  readonly bytes: number
  /** Reads fail with `conflict` when it is another one now. */
  readonly identity: string
  readonly signature: Signature
}

/** Of a header that is damaged, so much is read to see whether it is what was written. Bytes. */
const MAX_CHECKED_BYTES = 64 * 1024 * 1024

interface PackedHeader {
  readonly at: number
  readonly packedSizes: readonly number[]
  readonly folder: Folder
}

/**
 * Reads the end header of an archive and writes the index of it to the storage; `digest` says in it
 * which archive that is. Throws StoreError: `conflict` when the archive was replaced, `corrupt`,
 * `unsupported`, or what the store throws; and IndexUnwritable when the storage fails.
 */
export async function readEndHeader(
  file: ArchiveFile,
  digest: string,
  storage: IndexStorage,
  signal: AbortSignal | undefined,
): Promise<void> {
  const index = (reader: HeaderReader, crc: number | undefined) => readHeader(file, reader, crc, digest, storage)
  if (file.signature.headerBytes === 0) return indexNothing(file, digest, storage)
  let packed = await readPlain(file, index, signal)
  for (let depth = 1; packed !== undefined; depth++) {
    if (depth > MAX_HEADER_NESTING) throw emptyReader(file).unsupported('its end header is packed too often')
    packed = await readPacked(file, packed, index, signal)
  }
}

/** Reads a header; resolves with another one when it only says where that is. */
type Read = (reader: HeaderReader, crc: number | undefined) => Promise<PackedHeader | undefined>

async function readPlain(file: ArchiveFile, read: Read, signal: AbortSignal | undefined) {
  const { headerAt, headerBytes, headerCrc } = file.signature
  let inner: PackedHeader | undefined
  await file.store.get(
    file.path,
    async (bytes) => {
      inner = await read(new HeaderReader(bytes, headerBytes, file.where), headerCrc)
    },
    { range: { start: headerAt, end: headerAt + headerBytes }, ifMatch: file.identity, signal },
  )
  return inner
}

async function readPacked(file: ArchiveFile, header: PackedHeader, read: Read, signal: AbortSignal | undefined) {
  const { at, packedSizes, folder } = header
  const end = packedSizes.reduce((sum, size) => sum + size, at)
  let inner: PackedHeader | undefined
  await file.store.get(
    file.path,
    async (bytes) => {
      const content = decodeFolder(folder, splitPacked(bytes, packedSizes), { where: file.where, packedSizes, signal })
      // The decoder checks the length and the checksum, when there is one.
      inner = await read(new HeaderReader(content, folder.unpackedSize, file.where), undefined)
    },
    { range: { start: at, end }, ifMatch: file.identity, signal },
  )
  return inner
}

/** `crc`: what the header must have; undefined when the caller checks its bytes. */
async function readHeader(
  file: ArchiveFile,
  reader: HeaderReader,
  crc: number | undefined,
  digest: string,
  storage: IndexStorage,
): Promise<PackedHeader | undefined> {
  const builder = new IndexBuilder(storage)
  const check = async () => {
    const found = await reader.finish()
    if (crc !== undefined && found !== crc) throw reader.corrupt('its checksum is wrong')
  }
  try {
    const type = await reader.nextNumber()
    if (type === PROPERTY.encodedHeader) {
      const packed = await parseEncodedHeader(file, reader)
      await check()
      return packed
    }
    if (type !== PROPERTY.header) throw reader.corrupt('it does not begin as one')
    const { streams, files } = await parseHeader(file, reader, builder)
    await check()
    await builder.finish(digest, reader, streams, files)
    return undefined
  } catch (error) {
    await builder.settle()
    throw await preferDamage(error, reader, check)
  }
}

/**
 * When a header cannot be read: the error that says that it is not what was written, if that is so.
 */
async function preferDamage(error: unknown, reader: HeaderReader, check: () => Promise<void>): Promise<unknown> {
  if (!isStoreError(error, 'corrupt', 'unsupported')) return error
  if (reader.sourceFailed || reader.left > MAX_CHECKED_BYTES) return error
  try {
    await check()
  } catch (damage) {
    if (isStoreError(damage, 'corrupt')) return damage
  }
  return error
}

async function parseHeader(file: ArchiveFile, reader: HeaderReader, builder: IndexBuilder) {
  let streams: StreamsInfo = NO_STREAMS
  let files: FilesInfo = NO_FILES
  let type = await reader.nextNumber()
  if (type === PROPERTY.archiveProperties) {
    while ((await reader.nextNumber()) !== PROPERTY.end) await reader.skip(await reader.nextNumber())
    type = await reader.nextNumber()
  }
  if (type === PROPERTY.additionalStreamsInfo) throw reader.unsupported('parts of its end header are kept elsewhere')
  if (type === PROPERTY.mainStreamsInfo) {
    streams = await parseStreamsInfo(reader, file.bytes - SIGNATURE_BYTES)
    type = await reader.nextNumber()
  }
  if (type === PROPERTY.filesInfo) {
    files = await parseFilesInfo(reader, builder)
    type = await reader.nextNumber()
  }
  if (type !== PROPERTY.end) throw reader.corrupt(`an unexpected part (${type})`)
  if (reader.left > 0) throw reader.corrupt('something follows its end')
  return { streams, files }
}

async function parseEncodedHeader(file: ArchiveFile, reader: HeaderReader): Promise<PackedHeader> {
  const cursor = new FolderCursor(await parseStreamsInfo(reader, file.bytes - SIGNATURE_BYTES))
  if (!cursor.next() || cursor.description === undefined) throw reader.corrupt('its packed form is missing')
  const { packedAt, unpackedSize, crc, description } = cursor
  if (unpackedSize > MAX_HEADER_BYTES) {
    throw reader.unsupported(`its end header has ${unpackedSize} bytes; ${MAX_HEADER_BYTES} can be read`)
  }
  const { coders, binds, packedInputs } = description
  const sizes = cursor.sizes()
  return {
    at: packedAt,
    packedSizes: sizes.slice(0, packedInputs.length),
    folder: {
      coders: coders.map((coder, i) => toCoder(coder, sizes[packedInputs.length + i] ?? 0)),
      binds,
      packedInputs,
      unpackedSize,
      crc,
    },
  }
}

const NO_FILES: FilesInfo = { count: 0, kindOf: () => 'none' }

async function indexNothing(file: ArchiveFile, digest: string, storage: IndexStorage): Promise<void> {
  await new IndexBuilder(storage).finish(digest, emptyReader(file), NO_STREAMS, NO_FILES)
}

function emptyReader({ where }: ArchiveFile): HeaderReader {
  return new HeaderReader(bufferSource('').open(), 0, where)
}
