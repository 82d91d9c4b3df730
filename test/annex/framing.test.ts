import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frame, LineSplitter, MAX_LINE_BYTES, unframe } from '../../src/annex/framing.ts'
import { decode } from '../../src/core/text.ts'
import { anyBytes, anyText } from '../core/arbitrary.ts'

/** Splits bytes at the given offsets. */
function cutAt(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const ends = [...offsets.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end))
}

describe('a stream of bytes', () => {
  test('gives the same lines however it is cut into chunks', () => {
    const line = anyBytes().map((bytes) => bytes.filter((byte) => byte !== 10))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }), (lines, offsets) => {
        const bytes = Buffer.concat(lines.flatMap((each) => [each, Buffer.from('\n')]))
        const splitter = new LineSplitter()
        const found = cutAt(bytes, offsets).flatMap((chunk) => [...splitter.push(chunk)])
        expect(found).toEqual(lines.map((each) => ({ text: decode(each), cut: false })))
      }),
      { numRuns: 500 },
    )
  })

  test('gives no line that has not ended', () => {
    const splitter = new LineSplitter()
    expect(splitter.push(Buffer.from('a\nhalf'))).toEqual([{ text: 'a', cut: false }])
    expect(splitter.push(Buffer.from(' and half\n'))).toEqual([{ text: 'half and half', cut: false }])
  })

  test('may be overwritten by whoever gave it, as soon as it was taken', () => {
    const splitter = new LineSplitter()
    const chunk = Buffer.from('one')
    splitter.push(chunk)
    chunk.fill('x')
    expect(splitter.push(Buffer.from('\n'))).toEqual([{ text: 'one', cut: false }])
  })
})

describe('a line that is too long', () => {
  test('is cut, and the next one is whole again', () => {
    const splitter = new LineSplitter()
    const long = Buffer.alloc(MAX_LINE_BYTES + 1, 'x')
    const lines = splitter.push(Buffer.concat([long, Buffer.from('\nnext\n')]))
    expect(lines.map(({ text, cut }) => [text.length, cut])).toEqual([
      [MAX_LINE_BYTES, true],
      [4, false],
    ])
  })

  test('is not cut when it is just as long as is allowed', () => {
    const [line] = new LineSplitter().push(Buffer.from(`${'x'.repeat(MAX_LINE_BYTES)}\n`))
    expect(line?.cut).toBe(false)
    expect(line?.text).toHaveLength(MAX_LINE_BYTES)
  })

  test('of a gigabyte costs no memory', () => {
    const splitter = new LineSplitter()
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 1024; n++) splitter.push(chunk)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    expect(splitter.push(Buffer.from('\n'))).toEqual([{ text: 'x'.repeat(MAX_LINE_BYTES), cut: true }])
  })
})

describe("a job's number", () => {
  test('comes off a line as it was put on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999_999 }), anyText(), (job, message) => {
        expect(unframe(frame({ job, message }))).toEqual({ job, message })
      }),
    )
  })

  test.each([
    'J 0 PREPARE',
    'J -1 PREPARE',
    'J 01 PREPARE',
    'J 1',
    'J x PREPARE',
    'J  1 PREPARE',
    'J 12345678901 PREPARE',
    'J 1.5 PREPARE',
    'j 1 PREPARE',
    'PREPARE',
    '',
  ])('is not in %j', (line) => {
    expect(unframe(line)).toBeUndefined()
  })
})
