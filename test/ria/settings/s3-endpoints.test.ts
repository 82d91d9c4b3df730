import { describe, expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { endpointsInConfig, isOfAws, parseEndpoint } from '../../../src/ria/settings/s3-endpoints.ts'

const named = (key: string, value: string) => [...endpointsInConfig(new GitConfig([[key, value]]))]

describe('a server of S3', () => {
  test.each([
    ['remote.origin.url', 's3+https://S3.example.org/bucket/abc/def', 'https://s3.example.org'],
    ['remote.origin.pushurl', 's3+http://host:9000/bucket/abc/def', 'http://host:9000'],
    ['remote.store.ora-url', 'ria+s3+https://s3.example.org:443/bucket', 'https://s3.example.org'],
    ['riastore.lab.store', 'ria+s3+https://s3.example.org/bucket', 'https://s3.example.org'],
    ['url.ria+s3+https://s3.example.org/.insteadof', 's3:', 'https://s3.example.org'],
  ])('is named by %s = %s', (key, value, endpoint) => {
    expect(named(key, value)).toEqual([endpoint])
  })

  test.each([
    ['url.ria+s3+https://.insteadof', 'x:'],
    ['url.ria+s3+https://s3.exam.insteadof', 'x:'],
    ['url.ria+s3+https://user@.insteadof', 'x:'],
    ['remote.origin.url', 'https://s3.example.org/bucket'],
    ['remote.origin.url', 's3+https://'],
    ['remote.origin.fetch', 's3+https://s3.example.org/bucket'],
    ['submodule.evil.url', 's3+https://s3.example.org/bucket'],
  ])('is not named by %s = %s', (key, value) => {
    expect(named(key, value)).toEqual([])
  })

  test.each([
    ['https://S3.example.org:443/', 'https://s3.example.org'],
    ['http://host:9000/bucket', 'http://host:9000'],
    ['ria+s3+https://s3.example.org/bucket', 'https://s3.example.org'],
  ])('is read from %s', (value, endpoint) => {
    expect(parseEndpoint('setting', value)).toBe(endpoint)
  })

  test.each(['s3.example.org', 'ftp://host', 'https://', 'https://me:secret@host'])('is not read from %s', (value) => {
    expect(() => parseEndpoint('riastore-s3-endpoint', value)).toThrow(
      /^riastore-s3-endpoint is not the address of a server/,
    )
  })

  test.each([
    ['https://s3.eu-west-1.amazonaws.com', true],
    ['https://s3.cn-north-1.amazonaws.com.cn', true],
    ['http://s3.eu-west-1.amazonaws.com', false],
    ['https://amazonaws.com.evil.example', false],
    ['https://evilamazonaws.com', false],
  ])('%s is of AWS: %s', (endpoint, expected) => {
    expect(isOfAws(endpoint)).toBe(expected)
  })
})
