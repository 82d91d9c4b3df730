import { expect, test } from 'vitest'
import { parseStoreUrl } from '../../src/ria/url.ts'
import { factsOf, gitHelperOf, SCHEMES, type Scheme } from '../../src/store/schemes.ts'

const URLS: Readonly<Record<Scheme, string>> = {
  file: 'ria+file:///store',
  ssh: 'ria+ssh://host/store',
  sftp: 'ria+sftp://host/store',
  http: 'ria+http://host/store',
  https: 'ria+https://host/store',
  dav: 'ria+dav://host/store',
  davs: 'ria+davs://user@host/store',
  's3+http': 'ria+s3+http://host/bucket',
  's3+https': 'ria+s3+https://host/bucket',
}

test.each(Object.entries(URLS))('a URL of %s leads to what is said of it', (scheme, url) => {
  expect(factsOf(parseStoreUrl(url))).toBe(SCHEMES[scheme as Scheme])
})

test('git starts a helper of ours where it cannot reach a repository by itself', () => {
  expect(gitHelperOf('s3+https')).toBe('git-remote-s3+https')
  expect(gitHelperOf('sftp')).toBe('git-remote-sftp')
  expect(gitHelperOf('davs')).toBe('git-remote-davs')
  expect(gitHelperOf('ssh')).toBeUndefined()
})

test('only the web cannot be written to', () => {
  const names = Object.keys(SCHEMES) as Scheme[]
  expect(names.filter((name) => !SCHEMES[name].writable)).toEqual(['http', 'https'])
})
