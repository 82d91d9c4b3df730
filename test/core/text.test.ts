import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode, isText, toFsPath } from '../../src/core/text.ts'
import { anyBytes, anyText } from './arbitrary.ts'

test('any bytes survive decoding and encoding', () => {
  fc.assert(
    fc.property(anyBytes(), (bytes) => {
      expect(encode(decode(bytes))).toEqual(Buffer.from(bytes))
    }),
    { numRuns: 1000 },
  )
})

test('text is its own UTF-8', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      expect(decode(Buffer.from(text))).toBe(text)
      expect(encode(text)).toEqual(Buffer.from(text))
    }),
  )
})

describe('bytes that are not UTF-8', () => {
  test.each<[string, number[], string]>([
    ['a lone byte', [0x61, 0xff, 0x62], 'a\udcffb'],
    ['a sequence that breaks off', [0xe4, 0xbe], '\udce4\udcbe'],
    ['a sequence that is too long for its character', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['a surrogate written as UTF-8', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
    ['Latin-1 beside UTF-8', [0xfc, 0xc3, 0xbc], '\udcfcü'],
  ])('%s becomes lone surrogates, as in PEP 383', (_what, bytes, text) => {
    expect(decode(Uint8Array.from(bytes))).toBe(text)
    expect(encode(text)).toEqual(Buffer.from(bytes))
    expect(isText(text)).toBe(false)
  })
})

test('a view into a larger buffer is decoded for itself', () => {
  const buffer = Uint8Array.from([0xff, 0x61, 0x62, 0xff])
  expect(decode(buffer.subarray(1, 3))).toBe('ab')
})

test('a path is a string where it can be, else its very bytes', () => {
  expect(toFsPath('/ä/b')).toBe('/ä/b')
  expect(toFsPath('/\udcff')).toEqual(Buffer.from([0x2f, 0xff]))
})
