import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { parseStoreUrl, suggestStoreUrl } from '../../src/ria/url.ts'
import { anyText } from '../core/arbitrary.ts'

describe('the URL of a store', () => {
  test.each([
    ['ria+file:///data/store', { scheme: 'file', path: '/data/store' }],
    ['ria+file:///data/store/', { scheme: 'file', path: '/data/store' }],
    ['ria+file://localhost/data', { scheme: 'file', path: '/data' }],
    ['ria+file:/data', { scheme: 'file', path: '/data' }],
    ['ria+file:///my data/a+b', { scheme: 'file', path: '/my data/a+b' }],
    ['ria+file:///my%20data', { scheme: 'file', path: '/my data' }],
    ['ria+file:///100%', { scheme: 'file', path: '/100%' }],
    ['ria+file:///100%25', { scheme: 'file', path: '/100%' }],
    ['ria+file:///a%23b%3Fc', { scheme: 'file', path: '/a#b?c' }],
    ['ria+file:///ü/例', { scheme: 'file', path: '/ü/例' }],
    ['ria+file:///%C3%BC', { scheme: 'file', path: '/ü' }],
    ['ria+file:///a%FFb', { scheme: 'file', path: '/a\udcffb' }],
    ['ria+file:///a\udcffb', { scheme: 'file', path: '/a\udcffb' }],
    ['ria+ssh://host/data', { scheme: 'ssh', path: '/data', target: { host: 'host' } }],
    ['ria+ssh://host:/data', { scheme: 'ssh', path: '/data', target: { host: 'host' } }],
    [
      'ria+SSH://user@host:2222/data/',
      { scheme: 'ssh', path: '/data', target: { host: 'host', user: 'user', port: 2222 } },
    ],
    ['ria+ssh://host', { scheme: 'ssh', path: '', target: { host: 'host' } }],
    ['ria+ssh://host/', { scheme: 'ssh', path: '', target: { host: 'host' } }],
    ['ria+ssh://[::1]:22/data', { scheme: 'ssh', path: '/data', target: { host: '::1', port: 22 } }],
    ['ria+ssh://my_alias.x-y/data', { scheme: 'ssh', path: '/data', target: { host: 'my_alias.x-y' } }],
    ['ria+ssh://a%40b.org@host/d', { scheme: 'ssh', path: '/d', target: { host: 'host', user: 'a@b.org' } }],
    ['ria+ssh://DOM%5Cuser@host/d', { scheme: 'ssh', path: '/d', target: { host: 'host', user: 'DOM\\user' } }],
    ['ria+ssh://host/a/~b', { scheme: 'ssh', path: '/a/~b', target: { host: 'host' } }],
    ['ria+file:///~b', { scheme: 'file', path: '/~b' }],
    ['ria+sftp://user@host/chrooted', { scheme: 'sftp', path: '/chrooted', target: { host: 'host', user: 'user' } }],
    ['ria+http://host:8080/a/b/', { scheme: 'http', url: 'http://host:8080/a/b' }],
    ['ria+https://host', { scheme: 'https', url: 'https://host' }],
    ['ria+https://host/a%20b', { scheme: 'https', url: 'https://host/a%20b' }],
    ['ria+davs://host:8443/a%20b/', { scheme: 'davs', url: 'https://host:8443/a%20b' }],
    ['ria+dav://jane@host', { scheme: 'dav', url: 'http://host', user: 'jane' }],
    [
      'ria+s3+https://host:9000/bucket/a%20b/ü/',
      { scheme: 's3+https', endpoint: 'https://host:9000', bucket: 'bucket', prefix: 'a b/ü' },
    ],
    [
      'ria+s3+http://127.0.0.1/my-bucket.x',
      { scheme: 's3+http', endpoint: 'http://127.0.0.1', bucket: 'my-bucket.x', prefix: '' },
    ],
    [
      'ria+s3+https://[::1]:1/bucket/p',
      { scheme: 's3+https', endpoint: 'https://[::1]:1', bucket: 'bucket', prefix: 'p' },
    ],
  ])('%j is %j', (text, location) => {
    expect(parseStoreUrl(text)).toEqual(location)
  })

  test.each([
    ['', 'does not start with ria+'],
    ['ssh://host/data', 'does not start with ria+'],
    ['/data', 'does not start with ria+'],
    ['ria+', 'cannot be read'],
    ['ria+ssh://', 'names no host'],
    ['ria+ssh:host/data', 'names no host'],
    ['ria+ssh://host:99999/data', 'cannot be read'],
    ['ria+ssh://host:port/data', 'cannot be read'],
    ['ria+ssh://user:secret@host/data', 'has a password'],
    ['ria+file:///data#6d69ca68-7e85-11e6-904c-002590f97d84', 'has a fragment'],
    ['ria+file:///data?x=1', 'has a query'],
    ['ria+file://host/data', 'names a host'],
    ['ria+file:///', 'names the root directory'],
    ['ria+file://', 'names the root directory'],
    ['ria+file:data', 'does not start with a slash'],
    ['ria+file:///a%00b', 'NUL'],
    ['ria+file:///a\tb', 'white space'],
    ['ria+file:///a\nb', 'white space'],
    ['ria+file:///a ', 'white space'],
    ['ria+ssh://host/~/data', 'has a path that begins with /~: write the home directory out'],
    ['ria+ssh://host/%7Euser/data', 'has a path that begins with /~'],
    ['ria+ssh://host/~', 'has a path that begins with /~'],
    ['ria+sftp://host/~user/data', 'has a path that begins with /~'],
    ['ria+ftp://host/data', 'has the scheme ria+ftp'],
    ['ria+http:///data', 'names no host'],
    ['ria+davs:///data', 'names no host'],
    ['ria+davs://user:secret@host/data', 'has a password: WebDAV takes it from'],
    ['ria+s3+https:///bucket', 'names no host'],
    ['ria+s3+https://host', 'names no bucket'],
    ['ria+s3+https://host/', 'names no bucket'],
    ['ria+s3+https://host//prefix', 'names no bucket'],
    ['ria+s3+https://host/bucket/a//b', 'has an empty part'],
    ['ria+s3+https://host/bucket/%FF', 'is not UTF-8'],
    ['ria+s3+https://key:secret@host/bucket', 'has a user or password'],
    ['ria+s3+https://key@host/bucket', 'has a user or password'],
    ['ria+s3://bucket/prefix', 'has the scheme ria+s3'],
  ])('%j is refused: it %s', (text, reason) => {
    expect(() => parseStoreUrl(text)).toThrow(ConfigError)
    expect(() => parseStoreUrl(text)).toThrow(reason)
  })

  test.each([
    ['ssh://me@host:22/data', 'ria+ssh://me@host:22/data'],
    ['s3+https://host/bucket/p', 'ria+s3+https://host/bucket/p'],
    ['file:/data', 'ria+file:/data'],
    ['/my data/100%', 'ria+file:///my%20data/100%25'],
    ['me@host:/my data', 'ria+ssh://me@host/my%20data'],
    ['[::1]', undefined],
    ['s3://bucket/prefix', undefined],
    ['ftp://host/data', undefined],
    ['ssh://host/~/data', undefined],
    ['host:data', undefined],
    ['https://u:hush9@host/data', 'ria+https://u@host/data'],
  ])('that was meant by %j is %j', (text, url) => {
    expect(suggestStoreUrl(text)).toBe(url)
  })

  test('is named in the error about a text that is none, where it would do', () => {
    expect(() => parseStoreUrl('ssh://host/data')).toThrow('does not start with ria+ (ria+ssh://host/data?)')
    expect(() => parseStoreUrl('ria+file://data/store')).toThrow('three slashes (ria+file:///data/store?)')
    expect(() => parseStoreUrl('ftp://host/data')).toThrow(/does not start with ria\+$/)
  })

  test.each([
    'ria+ssh://-oProxyCommand=id/data',
    'ria+ssh://%2DoProxyCommand=id/data',
    'ria+ssh://-l@host/data',
    'ria+ssh://%2Dl@host/data',
    'ria+ssh://host%0Aname/data',
    'ria+ssh://$(id)/data',
    'ria+ssh://`id`/data',
    'ria+ssh://%60id%60/data',
    'ria+ssh://a;id/data',
    'ria+ssh://a%20-oProxyCommand=id@host/data',
    'ria+ssh://$(id)@host/data',
    'ria+ssh://host%5C/data',
  ])('%j is refused, ssh or a shell could read it as something else', (text) => {
    expect(() => parseStoreUrl(text)).toThrow(ConfigError)
  })

  test('that is refused is told without its password', () => {
    for (const url of [
      'ria+ssh://u:hush9@host/p',
      'ria+ftp://u:hush9@host/',
      'ria+ssh://u:hu/sh9@host/',
      'ria+s3+https://u:hush9@host/bucket',
    ]) {
      expect(() => parseStoreUrl(url)).toThrow(ConfigError)
      expect(() => parseStoreUrl(url)).not.toThrow(/hu|sh9/)
    }
  })

  test('whatever it is, is read or refused with the reason', () => {
    const url = fc
      .tuple(fc.constantFrom('file', 'ssh', 'sftp', 'http', 'x', ''), fc.constantFrom(':', '://', ':///'), anyText())
      .map(([scheme, colon, rest]) => `ria+${scheme}${colon}${rest}`)
    fc.assert(
      fc.property(url, (text) => {
        try {
          const location = parseStoreUrl(text)
          if (location.scheme === 'file') expect(location.path).toMatch(/^\/[^\0]*[^/]$/)
          if ('target' in location) expect(location.target.host).toMatch(/^(?!-)[^\s'"`$\\;&<>|(){}]+$/)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('holds the path that was escaped into it', () => {
    const path = fc.array(fc.string({ unit: fc.constantFrom(...'ab %#?ü+:@\\'), minLength: 1 }), { minLength: 1 })
    fc.assert(
      fc.property(path, (parts) => {
        const escaped = parts.map(encodeURIComponent).join('/')
        expect(parseStoreUrl(`ria+file:///${escaped}`)).toEqual({ scheme: 'file', path: `/${parts.join('/')}` })
      }),
    )
  })
})
