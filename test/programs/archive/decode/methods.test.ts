import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type DecodeOptions, decodeFolder } from '../../../../src/archive/decode/decode-folder.ts'
import { collect } from '../../../../src/core/source.ts'
import {
  METHODS,
  mixedContent,
  openStreams,
  packFolder,
  type RealFolder,
} from '../../../support/archives/real-folder.ts'

const CONTENT = mixedContent(1_200_000)

/** Each way in which a folder can be unpacked, whatever its size. */
const WAYS: Readonly<Record<string, Partial<DecodeOptions>>> = {
  'as it chooses': {},
  'by the program alone, where there is a choice': { maxMemoryBytes: 0 },
  'without a program, where there is a choice': { programs: { path: '' } },
}

async function unpack(
  { folder, packedSizes, packed }: RealFolder,
  chunkBytes?: number,
  options: Partial<DecodeOptions> = {},
): Promise<Buffer> {
  const { streams, opened, open } = openStreams(packed, chunkBytes)
  const content = await collect(decodeFolder(folder, streams, { where: 'a.7z', packedSizes, ...options }), 2 ** 30)
  expect(opened).toEqual([...packed.keys()])
  expect(open.size).toBe(0)
  return content
}

describe.each(Object.entries(METHODS))('%s', (_, switches) => {
  it('gives the very bytes that 7z packed', async () => {
    expect((await unpack(await packFolder(CONTENT, switches))).equals(CONTENT)).toBe(true)
  })

  it('gives one byte', async () => {
    const one = Buffer.from('x')
    expect((await unpack(await packFolder(one, switches))).equals(one)).toBe(true)
  })
})

it.each([1, 7, 1000])('takes packed data in chunks of %i bytes', async (chunkBytes) => {
  const content = CONTENT.subarray(0, 3_000)
  for (const switches of Object.values(METHODS)) {
    expect((await unpack(await packFolder(content, switches), chunkBytes)).equals(content)).toBe(true)
  }
})

it('Zstandard is unpacked by a node that has it; another is told which has', async () => {
  const content = Buffer.from('Zstandard Zstandard Zstandard in a folder of 7z, packed by zstd 1.5.4\n')
  // Made with zstd 1.5.4: `zstd -19 --no-check`.
  const packed = Buffer.from(
    'KLUv/SBGtQEAIoMLEaAvBmjlZTNxxKt6TEKLKhgPgIgihl/ptU3+cgpJh2vMouf6i8zIsPkTHaJKTwEApQsS',
    'base64',
  )
  const coder = { method: '04f71101', properties: Buffer.from([1, 5, 19, 0, 0]), inputs: 1, outputs: 1 }
  const unpackedSize = content.length
  const folder = {
    coders: [{ ...coder, unpackedSize }],
    binds: [],
    packedInputs: [0],
    unpackedSize,
    crc: zlib.crc32(content),
  }
  const unpacking = unpack({ folder, packed: [packed], packedSizes: [packed.length], content }).catch(String)
  if ('createZstdDecompress' in zlib) expect(await unpacking).toEqual(content)
  else expect(await unpacking).toContain('unpacking Zstandard needs node 22.15 or newer')
})

it('unpacks what has no CRC', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  const folder = { ...real.folder, crc: undefined }
  expect((await unpack({ ...real, folder })).equals(CONTENT)).toBe(true)
})

it.each(['-m0=BZip2', '-m0=LZMA', '-m0=LZMA2', '-m0=Deflate'])('%s: unpacks long runs of one byte', async (method) => {
  const zeros = Buffer.alloc(20_000_000)
  expect((await unpack(await packFolder(zeros, [method]))).equals(zeros)).toBe(true)
})

describe.each(Object.entries(WAYS))('unpacked %s', (way, options) => {
  const methods = /without/.test(way) ? ['-mx0', '-m0=LZMA', '-m0=LZMA2', '-m0=Deflate', '-m0=BZip2'] : undefined
  it.each(methods ?? ['-m0=LZMA', '-m0=LZMA2', '-m0=BZip2', '-m0=PPMd', '-m0=Deflate64', '-mf=BCJ2'])(
    '%s gives the very bytes',
    async (method) => {
      expect((await unpack(await packFolder(CONTENT, [method]), undefined, options)).equals(CONTENT)).toBe(true)
    },
  )
})
