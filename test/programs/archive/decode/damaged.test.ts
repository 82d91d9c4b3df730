import { describe, expect, it } from 'vitest'
import { type DecodeOptions, decodeFolder, type Folder } from '../../../../src/archive/decode/decode-folder.ts'
import { StoreError } from '../../../../src/core/errors.ts'
import { collect } from '../../../../src/core/source.ts'
import {
  METHODS,
  mixedContent,
  openStreams,
  packFolder,
  type RealFolder,
} from '../../../support/archives/real-folder.ts'
import { content } from '../../../support/stores/hostile-sources.ts'

const CONTENT = mixedContent(300_000)

/** Unpacks and gives the content or the StoreError; anything else that is thrown fails the test. */
async function outcome(folder: Folder, packed: readonly Buffer[], options: Partial<DecodeOptions> = {}) {
  const { streams } = openStreams(packed)
  const packedSizes = packed.map(({ length }) => length)
  try {
    return await collect(decodeFolder(folder, streams, { where: 'a.7z', packedSizes, ...options }), 2 ** 30)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    expect(error.message).not.toMatch(/\n|\/dev\/fd/)
    expect(error.message).toMatch(/^get a\.7z: /)
    return error
  }
}

async function expectKind(kind: string, ...parameters: Parameters<typeof outcome>) {
  const result = await outcome(...parameters)
  expect(result).toBeInstanceOf(StoreError)
  expect(result).toMatchObject({ kind })
  return result as StoreError
}

const WITHOUT_PROGRAM = { programs: { path: '' } }

/** Methods that have two decoders are damaged for both. */
const CASES: readonly (readonly [string, readonly string[], Partial<DecodeOptions>])[] = [
  ...Object.entries(METHODS).map(([name, switches]) => [name, switches, {}] as const),
  ['LZMA by the program', ['-m0=LZMA'], { maxMemoryBytes: 0 }],
  ['LZMA2 by the program', ['-m0=LZMA2'], { maxMemoryBytes: 0 }],
  ['BZip2 without a program', ['-m0=BZip2'], WITHOUT_PROGRAM],
]

describe.each(CASES)('%s', (_, switches, options) => {
  let made: Promise<RealFolder> | undefined
  const packing = () => (made ??= packFolder(CONTENT, switches))

  it('a flipped bit is corrupt, or changes nothing', async () => {
    const { folder, packed } = await packing()
    let corrupt = 0
    for (const [index, stream] of packed.entries()) {
      for (let i = 0; i < 8; i++) {
        const flipped = packed.map((each) => Buffer.from(each))
        const at = Math.floor((stream.length * i) / 8)
        flipped[index]?.writeUInt8((stream[at] ?? 0) ^ (1 << (i % 8)), at)
        const result = await outcome(folder, flipped, options)
        if (result instanceof StoreError) {
          expect(result.kind).toBe('corrupt')
          corrupt += 1
        } else expect(result.equals(CONTENT)).toBe(true)
      }
    }
    expect(corrupt).toBeGreaterThan(4)
  })

  it('packed data that is cut short is corrupt, also when its size says so', async () => {
    const { folder, packed, packedSizes } = await packing()
    for (const length of [0, 1, 100, (packed[0]?.length ?? 0) - 100]) {
      const cut = packed.map((each) => each.subarray(0, Math.min(each.length, length)))
      await expectKind('corrupt', folder, cut, options)
      await expectKind('corrupt', folder, cut, { ...options, packedSizes })
    }
  })

  it('random data is corrupt', async () => {
    const { folder, packed } = await packing()
    for (const seed of [1, 2, 3]) {
      const random = packed.map(({ length }, i) => content(length, seed * 10 + i))
      await expectKind('corrupt', folder, random, options)
    }
  })

  it('another length or CRC than the archive says is corrupt', async () => {
    const { folder, packed } = await packing()
    for (const unpackedSize of [0, 1, CONTENT.length - 1, CONTENT.length + 1, 2 ** 40]) {
      const coders = folder.coders.map((coder) => ({ ...coder, unpackedSize }))
      await expectKind('corrupt', { ...folder, unpackedSize, coders }, packed, options)
      if (unpackedSize === 2 ** 40) {
        await expectKind('corrupt', { ...folder, unpackedSize, coders, crc: undefined }, packed, options)
      }
      await expectKind('corrupt', { ...folder, unpackedSize }, packed, options)
    }
    await expectKind('corrupt', { ...folder, crc: ((folder.crc ?? 0) ^ 1) >>> 0 }, packed, options)
  })

  it('properties that make no sense are corrupt or unsupported, or change nothing', async () => {
    const { folder, packed } = await packing()
    for (const properties of [0, 1, 4, 5, 9].map((length) => Buffer.alloc(length, 0xff))) {
      const coders = folder.coders.map((coder) => ({ ...coder, properties }))
      const result = await outcome({ ...folder, coders }, packed, options)
      if (result instanceof StoreError) expect(result.kind).toMatch(/corrupt|unsupported/)
      else expect(result.equals(CONTENT)).toBe(true)
    }
  })
})

it.each([
  ['-m0=LZMA2', {}],
  ['-m0=LZMA', {}],
  ['-m0=BZip2', {}],
  ['-m0=BZip2', WITHOUT_PROGRAM],
  ['-m0=Deflate', {}],
  ['-m0=PPMd', {}],
])('%s data that unpacks to far more than it should be is given up at once', async (method, options) => {
  const { folder, packed } = await packFolder(Buffer.alloc(200_000_000), [method, '-mx1'])
  const coders = folder.coders.map((coder) => ({ ...coder, unpackedSize: 1000 }))
  const before = process.memoryUsage.rss()
  const started = process.cpuUsage()
  await expectKind('corrupt', { ...folder, unpackedSize: 1000, coders, crc: undefined }, packed, options)
  // Of our processor time, which does not depend on who else is busy; µs.
  expect(process.cpuUsage(started).user).toBeLessThan(3_000_000)
  expect(process.memoryUsage.rss() - before).toBeLessThan(150e6)
})

it('a PPMd model or a window of many GiB is not asked for', async () => {
  const { folder, packed } = await packFolder(CONTENT, ['-m0=PPMd'])
  const properties = Buffer.from([6, 0xff, 0xff, 0xff, 0xff])
  const coders = folder.coders.map((coder) => ({ ...coder, properties }))
  const error = await expectKind('unsupported', { ...folder, coders }, packed)
  expect(error.message).toBe('get a.7z: unpacking its PPMd data needs 4.0 GiB of memory')
})

describe('a folder that cannot be', () => {
  const plain = { method: '00', properties: new Uint8Array(0), inputs: 1, outputs: 1, unpackedSize: 4 }
  const good: Folder = { coders: [plain], binds: [], packedInputs: [0], unpackedSize: 4, crc: undefined }
  const packed = [Buffer.from('abcd')]

  it('is the only thing that is wrong in the next tests', async () => {
    expect(await outcome(good, packed)).toEqual(Buffer.from('abcd'))
  })

  it.each<[string, Partial<Folder>]>([
    ['no coder', { coders: [] }],
    ['very many coders', { coders: Array(1000).fill(plain) }],
    ['no packed stream', { packedInputs: [] }],
    ['two packed streams for one input', { packedInputs: [0, 0] }],
    ['an input that is not there', { packedInputs: [7] }],
    ['a bind to itself', { binds: [{ input: 0, output: 0 }] }],
    ['a negative size', { unpackedSize: -1 }],
    ['a size that is no number', { unpackedSize: Number.NaN }],
    ['a size beyond counting', { unpackedSize: 2 ** 60 }],
    ['a method that is no id', { coders: [{ ...plain, method: 'xyz' }] }],
  ])('%s: is corrupt', async (_, part) => {
    await expectKind('corrupt', { ...good, ...part }, packed)
  })

  it('coders in a ring are refused', async () => {
    const coders = [
      { ...plain, method: '21', properties: Buffer.from([10]) },
      { ...plain, method: '0303011b', inputs: 4 },
    ]
    const binds = [{ input: 0, output: 0 }]
    const ring = { ...good, coders, binds, packedInputs: [1, 2, 3, 4] }
    expect(await outcome(ring, Array(4).fill(packed[0]))).toMatchObject({
      kind: expect.stringMatching(/corrupt|unsupported/),
    })
  })
})

it('an encrypted folder is unsupported and says so', async () => {
  const { folder, packed } = await packFolder(CONTENT, ['-psecret'])
  expect(folder.coders).toHaveLength(2)
  const error = await expectKind('unsupported', folder, packed)
  expect(error.message).toBe('get a.7z: it is encrypted')
})

it('a method that no program knows is unsupported and named', async () => {
  const { folder, packed } = await packFolder(CONTENT, ['-m0=PPMd'])
  const coders = folder.coders.map((coder) => ({ ...coder, method: '04f71105' }))
  const error = await expectKind('unsupported', { ...folder, coders }, packed)
  expect(error.message).toMatch(/7zz? does not know LZ5$/)
})
