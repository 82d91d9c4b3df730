import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { StoreError } from '../../../src/core/errors.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { archiveOf } from '../../support/archives/header-writer.ts'
import { type Contents, contentOf, makeArchive, someFiles } from '../../support/archives/real-archive.ts'
import { write } from '../../support/stores/stores.ts'

const FILES = someFiles(24, 2500)
const ARCHIVES = await Promise.all(
  [
    ['-mx0', '-mhc=off'],
    ['-mx0', '-mhc=on'],
    ['-m0=LZMA2', '-ms=on', '-mhc=off'],
    ['-m0=LZMA', '-ms=off', '-mhc=on'],
    ['-m0=Deflate', '-ms=5f', '-mhc=off'],
    ['-m0=BZip2', '-ms=on', '-mhc=off'],
  ].map(async (switches) => [switches.join(' '), await makeArchive(FILES, switches)] as const),
)

/**
 * So much processor time opening an archive and reading all of it may take, bytes as they may be;
 * µs.
 */
const LIMIT_US = 10_000_000

/**
 * Opens an archive and reads all that it shows. Everything that comes out has to be right, or to
 * fail with `corrupt` or `unsupported`. `trusted`: its checksums were made for the damaged header,
 * so only what has a checksum of its own is sure to be right.
 */
async function survive(bytes: Buffer, files: Contents, trusted = false): Promise<'opened' | 'refused'> {
  const store = openMemoryStore()
  await write(store, 'a.7z', bytes)
  const before = process.cpuUsage()
  try {
    const archive = await Archive.open(store, 'a.7z')
    try {
      for await (const member of archive.members()) {
        if (member.size > 1e9) continue // not read for what it says, its folder has the same error
        const content = await contentOf(archive, member).catch(expectRefusal)
        const right = files.get(member.name)
        if (content === undefined || trusted) continue
        expect(right !== undefined && content.equals(right), member.name).toBe(true)
      }
      for (const name of files.keys()) await archive.find(name)
    } finally {
      await archive.close()
    }
    return 'opened'
  } catch (error) {
    expectRefusal(error)
    return 'refused'
  } finally {
    expect(process.cpuUsage(before).user).toBeLessThan(LIMIT_US)
  }
}

function expectRefusal(error: unknown): undefined {
  if (!(error instanceof StoreError)) throw error
  expect(error.kind, error.message).toMatch(/^(corrupt|unsupported)$/)
  expect(error.message).not.toContain('\n')
}

describe.each(ARCHIVES)('an archive made with %s', (_, good) => {
  const headerAt = 32 + Number(good.readBigUInt64LE(12))

  it('is right as it is', async () => {
    expect(await survive(good, FILES)).toBe('opened')
  })

  it('is corrupt however it is cut off', async () => {
    const lengths = [0, 1, 6, 12, 31, 32, 33, headerAt - 1, headerAt, headerAt + 1, good.length - 1]
    const more = Array.from({ length: 40 }, (_, i) => Math.floor((good.length * i) / 40))
    for (const length of [...lengths, ...more]) {
      expect(await survive(good.subarray(0, length), FILES), `${length} bytes`).toBe('refused')
    }
  })

  it('gives no wrong byte when a bit is flipped', async () => {
    const anyBit = fc.nat({ max: good.length * 8 - 1 })
    const inHeaders = fc.oneof(fc.nat({ max: 32 * 8 - 1 }), fc.integer({ min: headerAt * 8, max: good.length * 8 - 1 }))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(anyBit, inHeaders), { minLength: 1, maxLength: 3 }), async (flips) => {
        const damaged = Buffer.from(good)
        for (const bit of flips) damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        await survive(damaged, FILES)
      }),
      { numRuns: 150 },
    )
  })

  it('is refused or read when its end header says anything else, with good checksums', {}, async () => {
    const header = good.subarray(headerAt)
    const change = fc.record({
      at: fc.nat({ max: header.length - 1 }),
      remove: fc.nat({ max: 3 }),
      insert: fc.uint8Array({ maxLength: 9 }),
    })
    let opened = 0
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        let changed: Buffer = Buffer.from(header)
        for (const { at, remove, insert } of changes) {
          changed = Buffer.concat([changed.subarray(0, at), insert, changed.subarray(at + remove)])
        }
        const outcome = await survive(archiveOf(good.subarray(32, headerAt), changed), FILES, true)
        if (outcome === 'opened') opened += 1
      }),
      { numRuns: 200 },
    )
    expect(opened).toBeLessThan(200)
  })
})

it('random bytes behind a good start are refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.constantFrom(1, 0x17), async (bytes, type) => {
      const header = Buffer.from(bytes)
      header[0] = type
      if (bytes.length > 1) header[1] = type === 1 ? 4 : 6
      await survive(archiveOf(Buffer.alloc(64), header), new Map(), true)
    }),
    { numRuns: 300 },
  )
})

it('a packed end header that unpacks to far more than it may is refused without unpacking it', {}, async () => {
  const archive = ARCHIVES.find(([name]) => name === '-mx0 -mhc=on')?.[1] as Buffer
  const headerAt = 32 + Number(archive.readBigUInt64LE(12))
  const header = archive.subarray(headerAt)
  const sizeAt = header.indexOf(0x0c) + 1
  for (const size of ['f0ffffff7f', 'ff000000000000f07f', 'e0ffffff']) {
    const bomb = Buffer.concat([header.subarray(0, sizeAt), Buffer.from(size, 'hex'), header.subarray(sizeAt + 2)])
    const peak = process.memoryUsage().rss
    expect(await survive(archiveOf(archive.subarray(32, headerAt), bomb), FILES)).toBe('refused')
    expect(process.memoryUsage().rss - peak).toBeLessThan(300 * 1024 * 1024)
  }
  expect(crc32(header)).toBe(archive.readUInt32LE(28))
})
