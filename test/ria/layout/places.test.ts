import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyFileName } from '../../../src/core/key.ts'
import { keyAtPlace, keyOfFileName, placesOf } from '../../../src/ria/layout/places.ts'

test('the key of a file name is the one that the file was named after', () => {
  const name = fc.string({ unit: fc.constantFrom('/', '%', '&', ':', 's', 'a', 'c', '-', 'x'), minLength: 1 })
  fc.assert(
    fc.property(name, (text) => {
      const key = `URL-s10--${text}`
      expect(keyOfFileName(keyFileName(key))).toBe(key)
    }),
  )
})

test.each(['nothing', 'MD5-s3', 'URL--a&b', 'URL--a:b', 'URL--a/b', ''])('%j is no file name of a key', (name) => {
  expect(keyOfFileName(name)).toBeUndefined()
})

test('a place is two hash directories, the key and the key again', () => {
  expect(keyAtPlace('aB/Cd/MD5-s1--x/MD5-s1--x')).toEqual({ key: 'MD5-s1--x', fileName: 'MD5-s1--x' })
  for (const other of [
    'aB/Cd/MD5-s1--x',
    'aB/Cd/MD5-s1--x/MD5-s1--y',
    'MD5-s1--x/MD5-s1--x',
    'a/b/c/d/e',
    '//x--y/x--y',
  ]) {
    expect(keyAtPlace(other), other).toBeUndefined()
  }
})

test('a key with escaped characters has a place by each of its names, in the layout of its dataset', () => {
  expect(placesOf('MD5-s1--x', '1')[0]).toMatch(/^[0-9a-f]{3}\/[0-9a-f]{3}\/MD5-s1--x\/MD5-s1--x$/)
  expect(placesOf('MD5-s1--x', '2')).toHaveLength(1)
  expect(placesOf('URL--http://a', '2')).toHaveLength(2)
})
