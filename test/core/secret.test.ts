import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withoutPassword } from '../../src/core/secret.ts'

describe('a URL without its password', () => {
  test.each([
    ['ria+ssh://user:secret@host/path', 'ria+ssh://user@host/path'],
    ['ria+https://user:secret@host:8443/a/b#c', 'ria+https://user@host:8443/a/b#c'],
    ['http://:secret@host/', 'http://host/'],
    ['http://user:@host/', 'http://user@host/'],
    ['ria+ssh://user:se@cret@host/', 'ria+ssh://user@host/'],
    ['ria+ssh://user:se:cret@host/', 'ria+ssh://user@host/'],
    ['ria+ssh://user:se%40cret%3A@host/', 'ria+ssh://user@host/'],
    ['ria+ssh://user:se/cret@host/', 'ria+ssh://user@host/'],
    ['ria+ssh://user:1234@host/', 'ria+ssh://user@host/'],
    ['ria+ssh://user:se#c?ret@host/', 'ria+ssh://user@host/'],
    ['ria+ssh://user:se\ncret@host/', 'ria+ssh://user@host/'],
    ['RIA+SSH://user:secret@host/', 'RIA+SSH://user@host/'],
  ])('%j is %j', (url, shown) => {
    expect(withoutPassword(url)).toBe(shown)
  })

  test.each([
    'ria+ssh://host/path',
    'ria+ssh://user@host:22/a@b',
    'ria+http://host:8080/a@b',
    'ria+http://host/a:b@c',
    'ria+http://[::1]:8080/a@b',
    'ria+file:///a:b@c',
    '/no/url:at@all',
    '',
  ])('%j has none and stays', (url) => {
    expect(withoutPassword(url)).toBe(url)
  })

  test('no part of any password survives', () => {
    const password = fc
      .tuple(fc.string({ unit: fc.constantFrom(...'XYZ@:%/?#[]40 \n'), minLength: 1, maxLength: 12 }))
      .map(([text]) => `X${text}`)
    const user = fc.string({ unit: fc.constantFrom(...'user.-_%40'), maxLength: 8 })
    fc.assert(
      fc.property(fc.constantFrom('ria+ssh', 'ria+s3+https', 'http'), user, password, (scheme, name, secret) => {
        const at = name === '' ? '' : `${name}@`
        expect(withoutPassword(`${scheme}://${name}:${secret}@host/p`)).toBe(`${scheme}://${at}host/p`)
      }),
      { numRuns: 500 },
    )
  })
})
