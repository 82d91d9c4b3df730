import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keyFileName, parseKey } from '../../../src/core/key.ts'
import { anyText } from '../../core/arbitrary.ts'
import { makeRealGitAnnex, type RealGitAnnex } from '../../support/programs/real-git-annex.ts'

let annex: RealGitAnnex
beforeAll(async () => {
  annex = await makeRealGitAnnex()
})
afterAll(() => annex?.remove())

const letters = fc.string({ unit: fc.constantFrom(...'ABCXYZ019_'), minLength: 1, maxLength: 12 })
const names = fc.string({ unit: fc.constantFrom(...'abz09-./&%:?=_é'), minLength: 1, maxLength: 30 })
const sizes = fc.integer({ min: 0, max: 2 ** 48 })

describe('a key', () => {
  test('is read from its parts, whatever is in its name', () => {
    fc.assert(
      fc.property(letters, fc.option(sizes), fc.option(sizes), names, (backend, size, mtime, name) => {
        const text = `${backend}${size === null ? '' : `-s${size}`}${mtime === null ? '' : `-m${mtime}`}--${name}`
        expect(parseKey(text)).toEqual({ text, backend, name, size: size ?? undefined, isChunk: false })
      }),
    )
  })

  test.each([
    ['MD5E-s10--90015.tar.gz', 'MD5E', '90015.tar.gz', 10],
    ['WORM-s3-m1234567890--a--b-c', 'WORM', 'a--b-c', 3],
    ['URL--http&c%%example.com%x', 'URL', 'http&c%%example.com%x', undefined],
    ['GPGHMACSHA1--0123abc', 'GPGHMACSHA1', '0123abc', undefined],
    ['XBLA-KE--x', '', 'XBLA-KE--x', undefined],
    ['SHA1-s99999999999999999999--x', 'SHA1', 'x', undefined],
    ['SHA1-s---x', '', 'SHA1-s---x', undefined],
    ['no key at all', '', 'no key at all', undefined],
    ['', '', '', undefined],
  ])('%j has the backend %j, the name %j and the size %j', (text, backend, name, size) => {
    expect(parseKey(text)).toEqual({ text, backend, name, size, isChunk: false })
  })

  test('any text at all is read without an error', () => {
    fc.assert(fc.property(anyText(), (text) => parseKey(text).text === text))
  })

  test('has the backend, size and name that git-annex reads from it', async () => {
    const keys = fc.sample(
      fc
        .tuple(letters, fc.option(sizes), names)
        .map(([backend, size, name]) => `${backend}${size === null ? '' : `-s${size}`}--${name}`),
      { numRuns: 60, seed: 1 },
    )
    const format = '--format=$' + '{backend} $' + '{bytesize} $' + '{keyname}\\n'
    const printed = await annex.batch(
      ['examinekey', format],
      keys.map((key) => Buffer.from(key)),
    )
    const read = keys.map((key) => {
      const { backend, size, name } = parseKey(key)
      return Buffer.from(`${backend} ${size ?? 'unknown'} ${name}`).toString('latin1')
    })
    expect(read).toEqual(printed)
  })
})

describe('a chunk key', () => {
  test.each([
    [1, 10],
    [2, 10],
    [3, 5],
    [4, undefined],
  ])('number %i of a 25 bytes key in chunks of 10 is %j bytes long', (chunk, size) => {
    expect(parseKey(`SHA256-s25-S10-C${chunk}--abc`)).toMatchObject({ size, isChunk: true, name: 'abc' })
  })

  test('of a key whose size is a multiple of the chunk size has a full last chunk', () => {
    expect(parseKey('SHA256-s20-S10-C2--abc').size).toBe(10)
  })

  test('of a key without a size has none either', () => {
    expect(parseKey('URL-S10-C2--abc')).toMatchObject({ size: undefined, isChunk: true })
  })

  test('together with the others is as long as the whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 100 }), (whole, chunkSize) => {
        const count = Math.ceil(whole / chunkSize)
        const sizesOfAll = Array.from(
          { length: count },
          (_, i) => parseKey(`X-s${whole}-S${chunkSize}-C${i + 1}--n`).size ?? 0,
        )
        expect(sizesOfAll.reduce((sum, size) => sum + size, 0)).toBe(whole)
        expect(sizesOfAll.every((size) => size > 0)).toBe(true)
      }),
    )
  })
})

describe('the file name of a key', () => {
  test('never holds a slash, and no two keys have the same', () => {
    const text = fc.string({ unit: fc.constantFrom(...'a/%&:sc'), maxLength: 8 })
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(keyFileName(one)).not.toMatch(/[/:]/)
        if (one !== other) expect(keyFileName(one)).not.toBe(keyFileName(other))
      }),
      { numRuns: 500 },
    )
  })

  test('is that of git-annex', async () => {
    const keys = [
      'MD5E-s10--abc.txt',
      'URL--http://example.com/a&b/c%20d:80?x=1&y=%25',
      'WORM-s1-m2--&a&s&c%/:',
      'WORM--...',
      'WORM--ü\udcff&',
    ]
    const paths = await annex.batch(
      ['examinekey', '--format=$' + '{objectpath}\\n'],
      keys.map((key) => Buffer.from(key.replace('\udcff', 'ÿ'))),
    )
    expect(keys.map((key) => Buffer.from(keyFileName(key).replace('\udcff', 'ÿ')).toString('latin1'))).toEqual(
      paths.map((path) => path.slice(path.lastIndexOf('/') + 1)),
    )
  })
})
