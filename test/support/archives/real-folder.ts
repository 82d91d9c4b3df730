import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Coder, Folder, PackedStreams } from '../../../src/archive/decode/decode-folder.ts'
import { systemProgram } from '../programs/programs.ts'
import { run } from '../programs/run.ts'

/** The first folder of an archive that 7z made, as an archive's reader gives it to the decoders. */
export interface RealFolder {
  readonly folder: Folder
  readonly packedSizes: readonly number[]
  readonly packed: readonly Buffer[]
  readonly content: Buffer
}

/** Packs content with `7z a` and these switches (`-m0=PPMd`, …). */
export async function packFolder(content: Buffer, switches: readonly string[], name = 'content'): Promise<RealFolder> {
  const directory = await mkdtemp(join(tmpdir(), 'riastore-7z-'))
  try {
    await writeFile(join(directory, name), content)
    const args = ['a', '-t7z', '-mhc=off', ...switches, 'a.7z', name]
    const { status, stdout } = await run(await systemProgram('7zz'), args, { cwd: directory })
    if (status !== 0) throw new Error(stdout)
    return { ...parseFirstFolder(await readFile(join(directory, 'a.7z'))), content }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Reads an end header that is plain and holds one folder. */
function parseFirstFolder(archive: Buffer): Omit<RealFolder, 'content'> {
  let at = 32 + Number(archive.readBigUInt64LE(12))
  const byte = () => archive[at++] ?? 0
  const bytes = (count: number) => {
    at += count
    return archive.subarray(at - count, at)
  }
  const number = (): number => {
    const first = byte()
    let value = 0
    for (let i = 0; i < 8; i++) {
      if ((first & (0x80 >> i)) === 0) return value + (first & (0x7f >> i)) * 2 ** (8 * i)
      value += byte() * 2 ** (8 * i)
    }
    return value
  }
  const expectIds = (...ids: number[]) => {
    for (const id of ids) if (byte() !== id) throw new Error(`not ${id} at ${at - 1}`)
  }
  const times = <T>(count: number, make: () => T) => Array.from({ length: count }, make)

  expectIds(1, 4, 6)
  let position = 32 + number()
  const packedSizes = times(number(), () => 0)
  expectIds(9)
  for (const i of packedSizes.keys()) packedSizes[i] = number()
  expectIds(0, 7, 0x0b, 1, 0)
  const described = times(number(), () => {
    const flags = byte()
    const method = bytes(flags & 15).toString('hex')
    const [inputs, outputs] = flags & 0x10 ? [number(), number()] : [1, 1]
    const properties = flags & 0x20 ? bytes(number()) : Buffer.alloc(0)
    return { method, properties, inputs, outputs }
  })
  const inputs = described.reduce((sum, coder) => sum + coder.inputs, 0)
  const binds = times(described.length - 1, () => ({ input: number(), output: number() }))
  const open = Array.from({ length: inputs }, (_, i) => i).filter((i) => !binds.some(({ input }) => input === i))
  const packedInputs = open.length > 1 ? times(open.length, number) : open
  expectIds(0x0c)
  const coders: Coder[] = described.map((coder) => ({ ...coder, unpackedSize: number() }))
  const main = coders.findIndex((_, i) => !binds.some(({ output }) => output === i))
  expectIds(0x00, 0x08, 0x0a, 1)
  const crc = archive.readUInt32LE(at)
  const packed = packedSizes.map((size) => {
    position += size
    return archive.subarray(position - size, position)
  })
  const folder = { coders, binds, packedInputs, unpackedSize: coders[main]?.unpackedSize ?? 0, crc }
  return { folder, packedSizes, packed }
}

export interface Opened {
  readonly streams: PackedStreams
  /** The packed streams that were opened, in order; those that are not closed yet. */
  readonly opened: number[]
  readonly open: Set<number>
}

/** Gives packed streams in one and the same buffer, as the Bytes contract allows. */
export function openStreams(packed: readonly Buffer[], chunkBytes = 64 * 1024): Opened {
  const opened: number[] = []
  const open = new Set<number>()
  const streams: PackedStreams = async function* (index) {
    const bytes = packed[index] ?? Buffer.alloc(0)
    opened.push(index)
    open.add(index)
    const buffer = Buffer.alloc(chunkBytes)
    try {
      for (let i = 0; i < bytes.length; i += chunkBytes) {
        const length = bytes.copy(buffer, 0, i, i + chunkBytes)
        yield buffer.subarray(0, length)
        buffer.fill(0xee)
        yield buffer.subarray(0, 0)
      }
    } finally {
      open.delete(index)
    }
  }
  return { streams, opened, open }
}

/** Text-like, so that every method finds something to do, with stretches that nothing packs. */
export function mixedContent(length: number, seed = 7): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state >>> 8
  }
  let at = 0
  while (at < length) {
    if (next() % 50 === 0) {
      for (let n = Math.min(length - at, 4000); n > 0; n--) bytes[at++] = next()
    } else {
      at += bytes.write(`word${next() % 900} `, at, 'latin1') || length
    }
  }
  return bytes
}

/** How 7z is told to use each method. */
export const METHODS: Readonly<Record<string, readonly string[]>> = {
  Copy: ['-mx0'],
  'LZMA level 1': ['-m0=LZMA', '-mx1'],
  'LZMA level 9': ['-m0=LZMA', '-mx9'],
  'LZMA with an end marker': ['-m0=LZMA:eos'],
  'LZMA with other properties': ['-m0=LZMA:lc=0:lp=2:pb=0'],
  'LZMA2 level 1': ['-m0=LZMA2', '-mx1'],
  'LZMA2 level 9': ['-m0=LZMA2', '-mx9'],
  'LZMA2 in several blocks': ['-m0=LZMA2:d=64k:c=1m', '-mmt4'],
  Deflate: ['-m0=Deflate'],
  'Deflate level 9': ['-m0=Deflate', '-mx9'],
  Deflate64: ['-m0=Deflate64'],
  'BZip2 level 1': ['-m0=BZip2', '-mx1'],
  'BZip2 level 9': ['-m0=BZip2', '-mx9', '-mmt4'],
  PPMd: ['-m0=PPMd'],
  'Delta before LZMA2': ['-mf=Delta:4', '-m0=LZMA2'],
  'BCJ before LZMA': ['-mf=BCJ', '-m0=LZMA'],
  BCJ2: ['-mf=BCJ2'],
  'ARM64 before LZMA2': ['-mf=ARM64'],
  'ARM before Deflate': ['-mf=ARM', '-m0=Deflate'],
}
