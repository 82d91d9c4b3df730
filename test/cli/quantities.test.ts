import { expect, test } from 'vitest'
import { formatSize, parseAge, parseCount, parseSize } from '../../src/cli/quantities.ts'

test.each([
  ['30d', 30 * 86_400_000],
  ['12h', 12 * 3_600_000],
  ['1.5m', 90_000],
  ['10 s', 10_000],
  ['2W', 14 * 86_400_000],
])('the age %s is %i ms', (text, ms) => expect(parseAge('older-than', text)).toBe(ms))

test.each([
  ['4096', 4096],
  ['10k', 10_240],
  ['1.5M', 1_572_864],
  ['2GiB', 2 * 1024 ** 3],
  ['1TB', 1024 ** 4],
  ['7B', 7],
])('the size %s is %i bytes', (text, bytes) => expect(parseSize('max-size', text)).toBe(bytes))

test.each(['', '3', 'd', '-1d', '3 weeks', '1e3s'])('%j is no age', (text) => {
  expect(() => parseAge('older-than', text)).toThrow(/^--older-than .* is no age/)
})

test.each(['', 'k', '-1', '1x', '1,5M'])('%j is no size', (text) => {
  expect(() => parseSize('max-size', text)).toThrow(/^--max-size .* is no size/)
})

test('a count is a whole number, up to a limit', () => {
  expect(parseCount('level', '9', 9)).toBe(9)
  for (const text of ['10', '-1', '1.5', '', 'x']) {
    expect(() => parseCount('level', text, 9)).toThrow('is not a whole number from 0 to 9')
  }
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
  [5000 * 1024 ** 5, '5000.0 PiB'],
])('%i bytes are shown as %s', (bytes, text) => expect(formatSize(bytes)).toBe(text))
