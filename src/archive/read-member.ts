import { crc32 } from 'node:zlib'
import { StoreError } from '../core/errors.ts'
import { type Bytes, bufferSource } from '../core/source.ts'
import { decodeFolder } from './decode/decode-folder.ts'
import { splitPacked } from './decode/split-packed.ts'
import type { FolderCache } from './folder-cache.ts'
import type { PackedFolder } from './index/folder-records.ts'
import type { IndexedMember } from './index/member-index.ts'
import type { ArchiveFile } from './index/read-end-header.ts'

export interface ReadOptions {
  /**
   * Where to begin in the member; bytes, 0 to its size. A function is asked anew at each attempt,
   * so that a retry can go on where the last one ended.
   */
  readonly start?: number | (() => number)
  readonly signal?: AbortSignal | undefined
  /**
   * Called when it got further. `bytes` counts from the member's beginning; it may go back after a
   * retry.
   */
  readonly onProgress?: ((bytes: number) => void) | undefined
}

export type MemberConsumer = (bytes: Bytes) => Promise<void>

/** A member that is being read. */
export class MemberRead {
  readonly file: ArchiveFile
  readonly member: IndexedMember
  readonly consume: MemberConsumer
  readonly options: ReadOptions

  constructor(file: ArchiveFile, member: IndexedMember, consume: MemberConsumer, options: ReadOptions) {
    this.file = file
    this.member = member
    this.consume = consume
    this.options = options
  }

  /** Where this attempt begins. */
  start(): number {
    const { start = 0 } = this.options
    const value = typeof start === 'function' ? start() : start
    if (Number.isSafeInteger(value) && value >= 0 && value <= this.member.size) return value
    throw this.error('corrupt', `byte ${value} was asked for, it has ${this.member.size}`)
  }

  error(kind: StoreError['kind'], message: string): StoreError {
    const where = `${this.file.where}: ${this.member.name}`
    return new StoreError({ kind, op: 'get', where, message })
  }

  /**
   * Hands the content from `start` on to the consumer. `content` begins at `from` in the member
   * (`start` or before it); what is before `start` only counts for the checksum, which is checked
   * when `from` is 0. Throws what the consumer throws, and `corrupt` when it stopped early.
   */
  async deliver(content: Bytes, from: number, start: number): Promise<void> {
    const { size, crc } = this.member
    let position = from
    let failure: { error: unknown } | undefined
    let ended = false
    const checked = async function* (read: MemberRead): Bytes {
      let sum = 0
      try {
        for await (const chunk of content) {
          if (from === 0) sum = crc32(chunk, sum)
          const wanted = chunk.subarray(Math.max(0, start - position))
          position += chunk.length
          if (wanted.length === 0) continue
          read.options.onProgress?.(position)
          yield wanted
        }
        if (position !== size) throw read.error('corrupt', `${position} of ${size} bytes came`)
        if (from === 0 && crc !== undefined && sum !== crc) throw read.error('corrupt', 'its checksum is wrong')
        ended = true
      } catch (error) {
        failure = { error }
        throw error
      }
    }
    await this.consume(checked(this))
    if (failure !== undefined) throw (failure as { error: unknown }).error
    if (!ended) throw this.error('corrupt', `${position} of ${size} bytes were consumed`)
  }
}

/** Streams a member that lies in the archive as it is: one ranged read. */
export async function readCopy(read: MemberRead, position: number): Promise<void> {
  const { file, member, options } = read
  let start = read.start()
  if (start === member.size) return read.deliver(bufferSource('').open(), start, start)
  const range = () => {
    start = read.start()
    return { start: position + start, end: position + member.size }
  }
  await file.store.get(file.path, (bytes) => read.deliver(bytes, start, start), {
    range,
    ifMatch: file.identity,
    signal: options.signal,
  })
}

/**
 * Streams a member that has to be unpacked, with its folder up to its end. `position`: where it
 * begins in the folder.
 */
export async function readPacked(
  read: MemberRead,
  position: number,
  packed: PackedFolder,
  cache: FolderCache,
): Promise<void> {
  const { file, member, options } = read
  const content = await cache.get(packed, (folder) => unpackWhole(file, folder, options.signal), options.signal)
  if (content !== undefined) {
    const bytes = bufferSource(content.subarray(position, position + member.size)).open()
    return read.deliver(bytes, 0, read.start())
  }
  await unpack(file, packed, options.signal, async (unpacked) => {
    await read.deliver(part(unpacked, position, member.size), 0, read.start())
  })
}

async function unpackWhole(file: ArchiveFile, packed: PackedFolder, signal: AbortSignal | undefined): Promise<Buffer> {
  let content = Buffer.alloc(0)
  await unpack(file, packed, signal, async (unpacked) => {
    content = Buffer.allocUnsafe(packed.folder.unpackedSize)
    let length = 0
    for await (const chunk of unpacked) {
      content.set(chunk, length) // the decoder gives no more than the folder's size
      length += chunk.length
    }
  })
  return content
}

/** Says that the consumer needs no more of what it reads. */
class Enough extends Error {}

/** Streams a folder's content. The consumer may stop early; it is called again after a retry. */
export async function unpack(
  file: ArchiveFile,
  { folder, packedAt, packedSizes }: PackedFolder,
  signal: AbortSignal | undefined,
  consume: (unpacked: Bytes) => Promise<void>,
): Promise<void> {
  const end = packedSizes.reduce((sum, size) => sum + size, packedAt)
  const consumePacked = async (bytes: Bytes) => {
    let ended = false
    const packed = async function* (): Bytes {
      yield* bytes
      ended = true
    }
    await consume(decodeFolder(folder, splitPacked(packed(), packedSizes), { where: file.where, packedSizes, signal }))
    if (!ended) throw new Enough()
  }
  try {
    await file.store.get(file.path, consumePacked, {
      range: { start: packedAt, end },
      ifMatch: file.identity,
      signal,
    })
  } catch (error) {
    if (!(error instanceof Enough)) throw error
  }
}

/** Some of the bytes; all that follow are read only where the part ends with them. */
async function* part(bytes: Bytes, start: number, length: number): Bytes {
  let position = 0
  for await (const chunk of bytes) {
    const wanted = chunk.subarray(Math.max(0, start - position), Math.max(0, start + length - position))
    position += chunk.length
    if (wanted.length > 0) yield wanted
    if (position > start + length) return
  }
}
