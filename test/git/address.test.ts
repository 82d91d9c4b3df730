import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { parseRepositoryUrl } from '../../src/git/address.ts'
import { anyText } from '../core/arbitrary.ts'

const S3 = { scheme: 's3+https', endpoint: 'https://h:9000', bucket: 'bucket', prefix: 'p' }
const SFTP = { scheme: 'sftp', path: '/store', target: { host: 'h' } }

describe('the URL of a repository', () => {
  test.each([
    ['s3+https://h:9000/bucket/p/abc/def-0', { location: S3, directory: 'abc/def-0' }],
    ['s3+https://h:9000/bucket/p//abc/def-0//', { location: S3, directory: 'abc/def-0' }],
    ['sftp://h/store/alias/my%20data', { location: SFTP, directory: 'alias/my data' }],
    ['sftp://h/store/%61bc/d%C3%A9f', { location: SFTP, directory: 'abc/déf' }],
    ['sftp://h/store/abc/d%FFf', { location: SFTP, directory: 'abc/d\udcfff' }],
    ['sftp://h/abc/def', { location: { scheme: 'sftp', path: '', target: { host: 'h' } }, directory: 'abc/def' }],
  ])('%s is read as the place in the store that it names', (url, address) => {
    expect(parseRepositoryUrl(url)).toEqual(address)
  })

  test.each([
    'sftp://h/store/abc/..%2f..',
    'sftp://h/store/abc/..%2F..%2fetc',
    'sftp://h/store/..%2/..%2f..%2fetc',
    'sftp://h/store/%2e%2e/def',
    'sftp://h/store/../def',
    'sftp://h/store/abc/%2e%2e',
    'sftp://h/store/abc/%2e',
    'sftp://h/store/abc/x%2fy',
    'sftp://h/store/abc/x%5C..%5C..',
    'sftp://h/store/abc/x%00',
    'sftp://h/store/alias/..%2f..%2fetc',
    'sftp://h/store/alias/%2e%2e',
    's3+https://h/bucket/p/abc/..%2f..%2fother',
    's3+https://h/bucket/p/annex/objects',
  ])('%s is refused: it names no dataset of the store', (url) => {
    expect(() => parseRepositoryUrl(url)).toThrow(ConfigError)
    expect(() => parseRepositoryUrl(url)).toThrow('names no dataset')
  })

  test('leads to no place outside of the store, whatever is escaped in it', () => {
    const part = fc.oneof(
      anyText(),
      fc.array(fc.constantFrom('..', '.', '%2f', '%2F', '%5c', '%2e', '%00', 'a', 'abc'), {
        minLength: 1,
        maxLength: 8,
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom('abc', 'alias'), part, part, (known, one, other) => {
        for (const first of [known, [one].flat().join('')]) {
          const url = `sftp://h/store/${first}/${[other].flat().join('')}`
          try {
            const { directory } = parseRepositoryUrl(url)
            const parts = directory.split('/')
            expect(parts).toHaveLength(2)
            for (const name of parts) expect(name).toMatch(/^(?!\.{1,2}$)[^/\\\0]+$/)
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('that is refused is told without its password', () => {
    expect(() => parseRepositoryUrl('sftp://u:hush9@h/x')).toThrow(/^sftp:\/\/u@h\/x names no dataset/)
  })
})
