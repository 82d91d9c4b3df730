import type { Coder, Folder } from '../decode/decode-folder.ts'
import { FolderCursor } from '../header/folder-cursor.ts'
import type { FolderDescription } from '../header/folder-description.ts'
import type { StreamsInfo } from '../header/streams.ts'
import { FOLDER_BYTES, type IndexHeader, type Part } from './index-format.ts'
import { IndexDamaged, type PageReader, type PageWriter, writePart } from './page-file.ts'

/** A folder, and where it lies. */
export interface PackedFolder {
  /** Its number among the folders that are no copies. */
  readonly number: number
  /** Position of its first packed stream in the file; the others follow it. Bytes. */
  readonly packedAt: number
  readonly packedSizes: readonly number[]
  readonly members: number
  readonly folder: Folder
}

/** Writes what the index says of the folders that are no copies. */
export async function writeFolders(
  writer: PageWriter,
  streams: StreamsInfo,
): Promise<Pick<IndexHeader, 'folders' | 'sizes' | 'descriptions'>> {
  const texts = streams.folders.descriptions.map((description) => Buffer.from(JSON.stringify(description)))
  let end = 0
  const starts = texts.map((text) => {
    end += text.length
    return end - text.length
  })
  const descriptions = await writePart(writer, async () => {
    for (const text of texts) await writer.write(text)
  })
  const folders = await writePart(writer, () => writeRecords(writer, streams, texts, starts))
  const sizes = await writePart(writer, async () => {
    for (const cursor = new FolderCursor(streams); cursor.next(); ) {
      if (!cursor.isCopy) await writer.write(new Uint8Array(Float64Array.from(cursor.sizes()).buffer))
    }
  })
  return { folders, sizes, descriptions }
}

async function writeRecords(
  writer: PageWriter,
  streams: StreamsInfo,
  texts: readonly Buffer[],
  starts: readonly number[],
): Promise<void> {
  const floats = new Float64Array(FOLDER_BYTES / 8)
  const bytes = new Uint8Array(floats.buffer)
  const words = new Uint32Array(floats.buffer)
  let firstSize = 0
  for (const cursor = new FolderCursor(streams); cursor.next(); ) {
    if (cursor.isCopy) continue
    const number = streams.folders.described[cursor.folder] as number
    floats[0] = cursor.packedAt
    floats[1] = cursor.unpackedSize
    words[4] = firstSize
    words[5] = starts[number] as number
    words[6] = (texts[number] as Buffer).length
    words[7] = cursor.crc ?? 0
    words[8] = cursor.crc === undefined ? 0 : 1
    words[9] = cursor.members
    await writer.write(bytes)
    const description = cursor.description as FolderDescription
    firstSize += description.packedInputs.length + description.coders.length
  }
}

/** Reads what an index says of a folder. Throws IndexDamaged. */
export async function readFolder(pages: PageReader, header: IndexHeader, number: number): Promise<PackedFolder> {
  const record = await readWithin(pages, header.folders, number * FOLDER_BYTES, FOLDER_BYTES)
  const floats = new Float64Array(record.buffer, record.byteOffset, 2)
  const words = new Uint32Array(record.buffer, record.byteOffset, FOLDER_BYTES / 4)
  const [firstSize, textAt, textLength, crc, hasCrc, members] = words.subarray(4) as unknown as number[]
  const text = await readWithin(pages, header.descriptions, textAt as number, textLength as number)
  const description: FolderDescription = JSON.parse(text.toString())
  const packed = description.packedInputs.length
  const length = (packed + description.coders.length) * 8
  const raw = await readWithin(pages, header.sizes, (firstSize as number) * 8, length)
  const sizes = Array.from(new Float64Array(raw.buffer, raw.byteOffset, raw.length / 8))
  return {
    number,
    packedAt: floats[0] as number,
    packedSizes: sizes.slice(0, packed),
    members: members as number,
    folder: {
      coders: description.coders.map((coder, i) => toCoder(coder, sizes[packed + i] as number)),
      binds: description.binds,
      packedInputs: description.packedInputs,
      unpackedSize: floats[1] as number,
      crc: hasCrc === 1 ? crc : undefined,
    },
  }
}

export function toCoder(
  { method, properties, inputs }: FolderDescription['coders'][number],
  unpackedSize: number,
): Coder {
  return { method, properties: Buffer.from(properties, 'hex'), inputs, outputs: 1, unpackedSize }
}

function readWithin(pages: PageReader, part: Part, offset: number, length: number): Promise<Buffer> {
  if (offset + length > part.length) throw new IndexDamaged('a place outside of it')
  return pages.read(part.at + offset, length)
}
