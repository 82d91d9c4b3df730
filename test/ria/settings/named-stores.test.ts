import { describe, expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { checkStoreValues, findStores, storeAt, valuesOf } from '../../../src/ria/settings/named-stores.ts'
import { endpointsInConfig } from '../../../src/ria/settings/s3-endpoints.ts'
import { parseStoreUrl } from '../../../src/ria/url.ts'
import { findSites } from '../../../src/setup/site/config.ts'

const config = (entries: Readonly<Record<string, string>>) => new GitConfig(Object.entries(entries))

describe('a store that has a name', () => {
  const git = config({
    'riastore.store.lab.url': 'ria+s3+https://s3.example.org/bucket',
    'riastore.store.lab.push-url': 'near:bucket',
    'riastore.store.lab.acl': 'private',
    'riastore.store.disk.url': 'ria+file:///data',
    'riastore.store.second.url': 'ria+file:///data/',
    'riastore.store.broken.url': 'no URL',
    'url.ria+s3+https://near.example.org/.insteadof': 'near:',
  })

  test('is found by where it lies, by either of its URLs, after insteadOf', () => {
    const at = (url: string) => storeAt(git, parseStoreUrl(url))?.name
    expect(at('ria+s3+https://s3.example.org/bucket/')).toBe('lab')
    expect(at('ria+s3+https://near.example.org/bucket')).toBe('lab')
    expect(at('ria+s3+https://s3.example.org/bucket/other')).toBeUndefined()
    expect(at('ria+file:///data')).toBe('second') // the last counts
  })

  test('of which a setting is none is not used: nobody knows what it should have said', () => {
    const store = findStores(
      config({ 'riastore.store.lab.url': 'ria+file:///x', 'riastore.store.lab.acll': 'private' }),
    )
    expect(() => valuesOf(store.get('lab'))).toThrow(/^riastore\.store\.lab\.acll is no setting of a store: known are/)
  })

  test('has no setting where its value is empty', () => {
    const store = findStores(config({ 'riastore.store.lab.acl': 'private', 'riastore.store.lab.region': '' })).get(
      'lab',
    )
    expect(valuesOf(store)).toEqual({ acl: 'private' })
  })

  test('is no site', () => {
    const entries = [{ scope: 'global', key: 'riastore.store.lab.url', value: 'ria+file:///data' }] as const
    expect([...findSites(entries).keys()]).toEqual([])
  })

  test('names the server that it lies on, for AWS keys', () => {
    expect([...endpointsInConfig(git)]).toContain('https://s3.example.org')
  })
})

test.each([
  [{ url: 'https://example.org' }, 'does not start with ria+'],
  [{ acl: 'public-read-write' }, 'acl is "public-read-write"'],
  [{ ssh: 'putty' }, 'ssh is "putty"'],
  [{ parallel: '0' }, 'riastore-s3-parallel'],
])('values that could not be worked with are refused: %j', (values, why) => {
  expect(() => checkStoreValues(values)).toThrow(why)
})
