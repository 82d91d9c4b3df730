import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { PROPERTY } from '../../../src/archive/header/properties.ts'
import { dirHash } from '../../../src/core/dirhash.ts'
import { join, number, signatureHeader, uint32 } from './header-writer.ts'

/** The members of a large archive; their content is zeros. */
export interface LargeArchive {
  readonly count: number
  name(member: number): string
  size(member: number): number
}

/**
 * Keys as git-annex makes them (their checksums are made up), where it looks for them; sizes of 1
 * to 10 KiB.
 */
export function keyMembers(count: number): LargeArchive {
  return { count, name: keyName, size: (member) => 1024 + ((Math.imul(member, 7919) >>> 0) % 9217) }
}

function keyName(member: number): string {
  const hash = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f].map((factor) => scramble(Math.imul(member + 1, factor)))
  const hex = hash.map((word) => word.toString(16).padStart(8, '0')).join('')
  const key = `MD5E-s${1024 + ((Math.imul(member, 7919) >>> 0) % 9217)}--${hex}.nii.gz`
  return `${dirHash(key).mixed}/${key}/${key}`
}

function scramble(word: number): number {
  const mixed = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

/**
 * Writes a 7z file with any number of Copy members, one folder each and a plain end header, as
 * `7z a -mx0 -mhc=off` does; the packed streams are a hole in the file. Resolves with the size of
 * the end header in bytes.
 */
export async function writeLargeArchive(path: string, members: LargeArchive): Promise<number> {
  const file = await open(path, 'w')
  try {
    let packed = 0
    for (let i = 0; i < members.count; i++) packed += members.size(i)
    const header = new HeaderFile(file, 32 + packed)
    await writeHeader(header, members)
    await header.flush()
    await file.write(signatureHeader(packed, header.length, header.crc), 0, 32, 0)
    return header.length
  } finally {
    await file.close()
  }
}

async function writeHeader(header: HeaderFile, members: LargeArchive): Promise<void> {
  const { count } = members
  const each = async (format: (member: number) => Uint8Array) => {
    for (let i = 0; i < count; i++) await header.write(format(i))
  }
  const sizes = () => each((i) => number(members.size(i)))
  await header.write(
    join(PROPERTY.header, PROPERTY.mainStreamsInfo, PROPERTY.packInfo, 0, number(count), PROPERTY.size),
  )
  await sizes()
  await header.write(join(PROPERTY.end, PROPERTY.unpackInfo, PROPERTY.folder, number(count), 0))
  await each(() => COPY_FOLDER)
  await header.write(join(PROPERTY.codersUnpackSize))
  await sizes()
  await header.write(join(PROPERTY.end, PROPERTY.substreamsInfo, PROPERTY.crc, 1))
  const crcs = new Map<number, Buffer>()
  await each((i) => {
    const size = members.size(i)
    const crc = crcs.get(size) ?? uint32(crc32(Buffer.alloc(size)))
    crcs.set(size, crc)
    return crc
  })
  await header.write(join(PROPERTY.end, PROPERTY.end, PROPERTY.filesInfo, number(count)))
  let nameBytes = 1
  for (let i = 0; i < count; i++) nameBytes += (members.name(i).length + 1) * 2
  await header.write(join(PROPERTY.names, number(nameBytes), 0))
  await each((i) => Buffer.from(`${members.name(i)}\0`, 'utf16le'))
  await header.write(join(MTIME, number(2 + count * 8), 1, 0))
  await each(() => SOME_TIME)
  await header.write(join(ATTRIBUTES, number(2 + count * 4), 1, 0))
  await each(() => SOME_ATTRIBUTES)
  await header.write(join(PROPERTY.end, PROPERTY.end))
}

const COPY_FOLDER = Buffer.from([1, 1, 0])
const MTIME = 0x14
const ATTRIBUTES = 0x15
const SOME_TIME = Buffer.from('088a2d4fb479dd01', 'hex')
const SOME_ATTRIBUTES = Buffer.from('2080a481', 'hex')

/** Collects an end header and writes it in large pieces. */
class HeaderFile {
  readonly #file: FileHandle
  readonly #buffer = Buffer.alloc(1024 * 1024)
  readonly #start: number
  #used = 0
  length = 0
  crc = 0

  constructor(file: FileHandle, start: number) {
    this.#file = file
    this.#start = start
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#used + bytes.length > this.#buffer.length) await this.flush()
    this.#buffer.set(bytes, this.#used)
    this.#used += bytes.length
  }

  async flush(): Promise<void> {
    const part = this.#buffer.subarray(0, this.#used)
    this.crc = crc32(part, this.crc)
    await this.#file.write(part, 0, part.length, this.#start + this.length)
    this.length += part.length
    this.#used = 0
  }
}
