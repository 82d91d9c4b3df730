import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ByteRange } from '../../../src/store/store.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { read } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

const LENGTH = 200_000
const STORED = content(LENGTH)

const RANGES: readonly [string, ByteRange | undefined][] = [
  ['the first byte', { start: 0, end: 1 }],
  ['the last byte', { start: LENGTH - 1, end: LENGTH }],
  ['bytes in the middle', { start: 70_000, end: 140_000 }],
  ['everything', { start: 0, end: LENGTH }],
  ['everything, without an end', { start: 0 }],
  ['the rest from some byte on', { start: 123_456 }],
  ['the rest when nothing is left', { start: LENGTH }],
  ['nothing at the start', { start: 0, end: 0 }],
  ['nothing in the middle', { start: 100, end: 100 }],
  ['nothing at the end', { start: LENGTH, end: LENGTH }],
  ['no range', undefined],
]

export function ranges(bench: Bench): void {
  it.each(RANGES)('reads %s', async (_name, range) => {
    await bench.give(bench.at('file'), STORED)
    const expected = STORED.subarray(range?.start ?? 0, range?.end ?? LENGTH)
    const bytes = await read(bench.store, bench.at('file'), { range: () => range })
    expect(bytes.length).toBe(expected.length)
    expect(bytes.equals(expected)).toBe(true)
  })

  it('reads any range, with the Stat of the whole file and the progress of the range', async () => {
    await bench.give(bench.at('file'), STORED)
    const stat = await bench.store.stat(bench.at('file'))
    const bound = fc.integer({ min: 0, max: LENGTH })
    await fc.assert(
      fc.asyncProperty(bound, bound, async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a]
        const parts: Buffer[] = []
        let progress = 0
        await bench.store.get(
          bench.at('file'),
          async (bytes, seen) => {
            expect(seen).toEqual(stat)
            for await (const chunk of bytes) parts.push(Buffer.from(chunk))
          },
          {
            range: { start, end },
            onProgress: (bytes) => {
              progress = bytes
            },
          },
        )
        expect(Buffer.concat(parts).equals(STORED.subarray(start, end))).toBe(true)
        expect(progress).toBe(end - start)
      }),
      { numRuns: 25 },
    )
  })

  it('fails with `corrupt` when the range goes past the end of the file: those bytes are not there', async () => {
    await bench.give(bench.at('file'), STORED)
    for (const range of [
      { start: 0, end: LENGTH + 1 },
      { start: LENGTH - 1, end: LENGTH + 1 },
      { start: LENGTH, end: LENGTH + 1 },
      { start: LENGTH + 1 },
      { start: LENGTH + 1, end: LENGTH + 1 },
      { start: LENGTH + 10, end: LENGTH + 20 },
    ]) {
      await failure(read(bench.store, bench.at('file'), { range }), 'corrupt')
    }
  })

  it('fails with `missing` for any range of a file that is not there', async () => {
    for (const range of [{ start: 0, end: 1 }, { start: 5 }, { start: 0, end: 0 }]) {
      await failure(read(bench.store, bench.at('file'), { range }), 'missing')
    }
  })

  it('reads the ranges of an empty file', async () => {
    await bench.give(bench.at('empty'), '')
    expect(await read(bench.store, bench.at('empty'), { range: { start: 0 } })).toHaveLength(0)
    expect(await read(bench.store, bench.at('empty'), { range: { start: 0, end: 0 } })).toHaveLength(0)
    await failure(read(bench.store, bench.at('empty'), { range: { start: 0, end: 1 } }), 'corrupt')
  })
}
