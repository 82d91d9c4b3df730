import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { PROPERTY } from '../../../src/archive/header/properties.ts'
import { hashName } from '../../../src/archive/index/names.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import {
  archiveOf,
  bits,
  copyArchive,
  copyStreams,
  join,
  names,
  number,
  plainHeader,
  property,
  signatureHeader,
  uint32,
} from '../../support/archives/header-writer.ts'
import { contentOf } from '../../support/archives/real-archive.ts'
import { write } from '../../support/stores/stores.ts'

async function open(bytes: Uint8Array): Promise<Archive> {
  const store = openMemoryStore()
  await write(store, 'a.7z', bytes)
  return Archive.open(store, 'a.7z')
}

async function read(archive: Archive, name: string): Promise<string | undefined> {
  const member = await archive.find(name)
  return member && (await contentOf(archive, member)).toString()
}

async function expectError(bytes: Uint8Array, kind: string, message: RegExp | string): Promise<void> {
  await expect(open(bytes)).rejects.toMatchObject({ name: 'StoreError', kind, op: 'get', where: 'memory:/a.7z' })
  await expect(open(bytes)).rejects.toThrow(message)
}

const ONE = { name: 'one', content: Buffer.from('first') }
const TWO = { name: 'dir/two', content: Buffer.from('second') }
const PACKED = Buffer.concat([ONE.content, TWO.content])
const DUMMY = property(0x19, 0, 0, 0)

describe('the end header', () => {
  it('of an archive without members may be missing', async () => {
    const archive = await open(signatureHeader(0, 0, 0))
    expect(archive.count).toBe(0)
    expect(await archive.find('one')).toBeUndefined()
  })

  it('may say nothing of members', async () => {
    expect((await open(archiveOf(join(), join(PROPERTY.header, PROPERTY.end)))).count).toBe(0)
  })

  it('may hold unknown properties, before and after the names', async () => {
    const header = plainHeader([ONE, TWO], join(DUMMY, property(0x2f, 1, 2, 3)), DUMMY)
    const archive = await open(archiveOf(PACKED, header))
    expect([archive.count, await read(archive, 'one'), await read(archive, 'dir/two')]).toEqual([2, 'first', 'second'])
  })

  it('may begin with properties of the archive', async () => {
    const header = plainHeader([ONE])
    const extra = join(
      PROPERTY.header,
      PROPERTY.archiveProperties,
      property(0x77, 1, 2),
      PROPERTY.end,
      header.subarray(1),
    )
    expect(await read(await open(archiveOf(ONE.content, extra)), 'one')).toBe('first')
  })

  it('may be followed by something else in the file', async () => {
    expect(await read(await open(join(copyArchive([ONE]), Buffer.alloc(100))), 'one')).toBe('first')
  })

  it('may say which members have no content before their names or after them', async () => {
    const empty = property(PROPERTY.emptyStream, bits(false, true, true, true))
    const emptyFile = property(PROPERTY.emptyFile, bits(true, false, true))
    const anti = property(PROPERTY.anti, bits(false, false, true))
    const list = names('one', 'empty', 'directory', 'removed')
    const orders = [
      [empty, emptyFile, anti, list],
      [list, anti, emptyFile, empty],
      [emptyFile, list, empty, anti],
    ]
    for (const order of orders) {
      const header = join(
        PROPERTY.header,
        PROPERTY.mainStreamsInfo,
        copyStreams([ONE.content]),
        PROPERTY.filesInfo,
        4,
        ...order,
        PROPERTY.end,
        PROPERTY.end,
      )
      const archive = await open(archiveOf(ONE.content, header))
      expect(archive.count).toBe(2)
      expect(await read(archive, 'one')).toBe('first')
      expect(await archive.find('empty')).toMatchObject({ size: 0, crc: 0, place: { kind: 'empty' } })
      expect(await archive.find('directory')).toBeUndefined()
      expect(await archive.find('removed')).toBeUndefined()
    }
  })

  it('may hold a name more than once: the last one counts, as when 7z extracts', async () => {
    const contents = ['a', 'bb', 'ccc', 'dddd', 'eeeee'].map((text) => Buffer.from(text))
    const list = ['same', 'other', 'same', 'same', 'last']
    const files = list.map((name, i) => ({ name, content: contents[i] as Buffer }))
    const archive = await open(copyArchive(files))
    expect([archive.count, await read(archive, 'same')]).toEqual([3, 'dddd'])
    const listed: string[] = []
    for await (const { name, size } of archive.members()) listed.push(`${name} ${size}`)
    expect(listed).toEqual(['other 2', 'same 4', 'last 5'])
  })

  it('may leave a checksum out', async () => {
    const header = plainHeader([ONE])
    const crcs = join(PROPERTY.substreamsInfo, PROPERTY.crc, 1, uint32(crc32(ONE.content)), PROPERTY.end)
    const at = header.indexOf(crcs)
    const without = Buffer.concat([header.subarray(0, at), header.subarray(at + crcs.length)])
    const archive = await open(archiveOf(ONE.content, without))
    expect(await archive.find('one')).toMatchObject({ crc: undefined })
    expect(await read(archive, 'one')).toBe('first')
  })

  it('may be packed more than once, by anything that can be unpacked', async () => {
    const inner = plainHeader([ONE])
    const once = packedBy(ONE.content.length, inner)
    const twice = packedBy(ONE.content.length + inner.length, once)
    const archive = await open(archiveOf(join(ONE.content, inner, once), twice))
    expect(await read(archive, 'one')).toBe('first')
  })
})

/**
 * An end header that says: the end header is the part of the file from `position` on (behind the
 * signature header), stored as it is.
 */
function packedBy(position: number, header: Uint8Array, unpackedBytes = header.length, crc = crc32(header)): Buffer {
  return join(
    PROPERTY.encodedHeader,
    PROPERTY.packInfo,
    number(position),
    1,
    PROPERTY.size,
    number(header.length),
    PROPERTY.end,
    PROPERTY.unpackInfo,
    PROPERTY.folder,
    1,
    0,
    Buffer.from([1, 1, 0]),
    PROPERTY.codersUnpackSize,
    number(unpackedBytes),
    PROPERTY.crc,
    1,
    uint32(crc),
    PROPERTY.end,
    PROPERTY.end,
  )
}

describe('what is no archive is corrupt', () => {
  const good = copyArchive([ONE, TWO])
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(good)
    bytes[at] = value
    return bytes
  }
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', Buffer.alloc(0), /not a 7z archive: it has 0 bytes/],
    ['31 bytes', good.subarray(0, 31), /not a 7z archive: it has 31 bytes/],
    ['something else', Buffer.alloc(100, 'x'), /not a 7z archive/],
    ['a file of zeros', Buffer.alloc(100), /not a 7z archive/],
    ['a bad start header', changed(12, 1), /start header is damaged/],
    ['a file that is cut off', good.subarray(0, -1), /cut off/],
    ['a bad end header', changed(good.length - 1, 1), /its checksum is wrong/],
    ['a bad name', changed(good.indexOf(Buffer.from('one', 'utf16le')), 0x78), /its checksum is wrong/],
  ])('%s', (_, bytes, message) => expectError(bytes, 'corrupt', message))

  it('a header that is not as long as its packed form says', async () => {
    const inner = plainHeader([ONE])
    await expectError(
      archiveOf(join(ONE.content, inner), packedBy(5, inner, inner.length + 1)),
      'corrupt',
      /another size/,
    )
    await expectError(archiveOf(join(ONE.content, inner), packedBy(5, inner, inner.length, 1)), 'corrupt', /CRC/)
  })
})

describe('what cannot be read is unsupported', () => {
  it('another format version', async () => {
    const bytes = copyArchive([ONE])
    bytes[6] = 1
    await expectError(bytes, 'unsupported', 'format version 1.4')
  })

  it('names that are kept elsewhere', async () => {
    const header = plainHeader([ONE])
    header[header.indexOf(names('one')) + 2] = 1
    await expectError(archiveOf(ONE.content, header), 'unsupported', 'names are kept elsewhere')
  })

  it('an end header that is packed again and again', async () => {
    const crc = join(PROPERTY.crc, 1, uint32(0))
    const selfOf = (length: number) => {
      const header = packedBy(0, Buffer.alloc(length))
      const at = header.lastIndexOf(join(PROPERTY.crc, 1))
      return Buffer.concat([header.subarray(0, at), header.subarray(at + crc.length)]) // it cannot hold its own checksum
    }
    const loop = selfOf(selfOf(100).length)
    await expectError(archiveOf(join(), loop), 'unsupported', 'packed too often')
  })
})

describe('a hostile size is refused before anything is allocated', () => {
  const streams = (...parts: (Uint8Array | number)[]) =>
    archiveOf(Buffer.alloc(10), join(PROPERTY.header, PROPERTY.mainStreamsInfo, ...parts))
  const HUGE = [2 ** 31, 2 ** 40, 2 ** 52, 2n ** 63n]
  const folder = [
    PROPERTY.unpackInfo,
    PROPERTY.folder,
    1,
    0,
    Buffer.from([1, 1, 0]),
    PROPERTY.codersUnpackSize,
    10,
    PROPERTY.end,
  ]

  it.each(HUGE)('%d', async (size) => {
    const cases: Uint8Array[] = [
      streams(PROPERTY.packInfo, 0, number(size), PROPERTY.size),
      streams(PROPERTY.packInfo, number(size), 1, PROPERTY.size, 1, PROPERTY.end),
      streams(PROPERTY.packInfo, 0, 1, PROPERTY.size, number(size), PROPERTY.end),
      streams(PROPERTY.packInfo, 0, 1, PROPERTY.size, 10, number(99), number(size)),
      streams(PROPERTY.unpackInfo, PROPERTY.folder, number(size), 0),
      streams(PROPERTY.unpackInfo, PROPERTY.folder, 1, 0, number(size)),
      streams(PROPERTY.unpackInfo, PROPERTY.folder, 1, 0, 1, 0x21, 0, number(size)),
      streams(PROPERTY.unpackInfo, PROPERTY.folder, 1, 0, 1, 0x11, 0, number(size), 1),
      streams(PROPERTY.unpackInfo, PROPERTY.folder, 1, 0, 1, 0x11, 0, 1, number(size)),
      streams(...folder, PROPERTY.substreamsInfo, PROPERTY.substreamCount, number(size)),
      streams(
        ...folder,
        PROPERTY.substreamsInfo,
        PROPERTY.substreamCount,
        2,
        PROPERTY.size,
        number(size),
        PROPERTY.end,
      ),
      archiveOf(join(), join(PROPERTY.header, PROPERTY.filesInfo, number(size))),
      archiveOf(join(), join(PROPERTY.header, PROPERTY.filesInfo, 1, PROPERTY.names, number(size))),
      archiveOf(join(), join(PROPERTY.header, PROPERTY.filesInfo, 1, PROPERTY.emptyStream, number(size))),
      archiveOf(join(), join(PROPERTY.header, PROPERTY.filesInfo, 1, 0x19, number(size))),
    ]
    for (const bytes of cases) {
      const before = process.memoryUsage().arrayBuffers
      const error = await open(bytes).then(
        () => 'nothing',
        (reason: { kind: string }) => reason.kind,
      )
      expect(error).toMatch(/^(corrupt|unsupported)$/)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024)
    }
  })

  it('a packed end header that would be huge', async () => {
    const inner = Buffer.alloc(10)
    await expectError(archiveOf(inner, packedBy(0, inner, 2 ** 40)), 'corrupt', /./)
  })

  it('a name that is too long', async () => {
    const header = plainHeader([{ name: 'x'.repeat(70_000), content: ONE.content }])
    await expectError(archiveOf(ONE.content, header), 'unsupported', 'a name of more than 65536 bytes')
  })

  it('names that all have one hash', async () => {
    const files = namesOfOneHash(9).map((name) => ({ name, content: ONE.content }))
    const bytes = archiveOf(Buffer.concat(files.map(({ content }) => content)), plainHeader(files))
    await expectError(bytes, 'unsupported', 'too many names have the same hash')
  })
})

/**
 * 2^n names with the same hash: whatever comes before and after, one of these two may stand for the
 * other.
 */
function namesOfOneHash(n: number): string[] {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const one = createHash('md5').update(String(i)).digest('hex').slice(0, 12)
    const two = seen.get(hashName(one))
    seen.set(hashName(one), one)
    if (two !== undefined) {
      return Array.from({ length: 2 ** n }, (_, k) =>
        Array.from({ length: n }, (_, bit) => ((k >> bit) & 1 ? one : two)).join(''),
      )
    }
  }
}
