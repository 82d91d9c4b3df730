import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { parseWebdavServer, webdavLogins, webdavServerOf } from '../../../src/ria/settings/webdav.ts'
import { parseStoreUrl } from '../../../src/ria/url.ts'

const STORE = 'ria+davs://cloud.example.org/dav/store'
const KEPT = { user: 'keeper', password: 'kept' }
const setting = 'remote.r.riastore-webdav-endpoint'

beforeEach(() => {
  vi.stubEnv('WEBDAV_USERNAME', 'me')
  vi.stubEnv('WEBDAV_PASSWORD', 'secret')
})
afterEach(() => vi.unstubAllEnvs())

interface Situation {
  readonly url?: string
  readonly git?: Readonly<Record<string, string>>
  readonly isNamed?: boolean
  readonly kept?: boolean
}

/** Who logs in to a store. */
async function login({ url = STORE, git = {}, isNamed = false, kept = false }: Situation) {
  const logins = await webdavLogins({
    location: parseStoreUrl(url),
    git: new GitConfig(Object.entries(git)),
    isNamed,
    remote: 'r',
    kept: async () => (kept ? KEPT : undefined),
  })
  if (logins?.environment) return 'the user'
  return logins?.kept === KEPT ? 'what was kept' : (logins?.notSent ?? 'nobody')
}

const REFUSED =
  'WEBDAV_PASSWORD is sent to no server that you did not name: git config --global --add riastore.webdavEndpoint https://cloud.example.org allows it'

test.each<[string, Situation]>([
  ['gave its address', { isNamed: true }],
  ['named it for all remotes', { git: { 'riastore.webdavendpoint': 'https://cloud.example.org/' } }],
  ['named it for this remote', { git: { [setting]: 'https://cloud.example.org' } }],
  ['has a local ora-url there', { git: { 'remote.r.ora-url': STORE } }],
  ['has a site there', { git: { 'riastore.lab.store': STORE } }],
  ['gave a store there a name', { git: { 'riastore.store.lab.url': 'ria+davs://me@cloud.example.org/dav' } }],
  ['has an insteadOf that gives the whole address', { git: { [`url.${STORE}/.insteadof`]: 'cloud:' } }],
])('a user who %s is logged in with WEBDAV_PASSWORD', async (_what, situation) => {
  expect(await login({ kept: true, ...situation })).toBe('the user')
})

describe('a server that only a dataset, or its submodule, names', () => {
  test.each<[string, Situation]>([
    ['nothing', {}],
    ['the URL of a git remote', { git: { 'remote.origin.url': 'davs://cloud.example.org/dav/store/abc/def' } }],
    ['another port', { git: { 'remote.r.ora-url': 'ria+davs://cloud.example.org:8443/dav' } }],
    ['part of a host', { git: { 'url.ria+davs://cloud.exam.insteadof': 'cloud:' } }],
    ['another server for this remote', { git: { [setting]: 'https://other.example.org' }, kept: true }],
  ])('gets no password of the environment, with %s in the configuration', async (_what, situation) => {
    expect(await login(situation)).toBe(REFUSED)
  })

  test('gets what git-annex keeps for the remote', async () => {
    expect(await login({ kept: true })).toBe('what was kept')
  })

  test('is not spoken of where there is no password', async () => {
    vi.stubEnv('WEBDAV_PASSWORD', undefined)
    expect(await login({})).toBe('nobody')
  })
})

test('no other store has to do with it', async () => {
  expect(webdavServerOf(parseStoreUrl('ria+https://cloud.example.org/dav'))).toBeUndefined()
  expect(await login({ url: 'ria+https://cloud.example.org/dav', isNamed: true })).toBe('nobody')
})

test.each([
  ['https://Cloud.example.org:443/', 'https://cloud.example.org'],
  ['ria+davs://me@cloud.example.org/dav', 'https://cloud.example.org'],
  ['dav://127.0.0.1:8080/dav', 'http://127.0.0.1:8080'],
])('a server is read from %s', (value, server) => {
  expect(parseWebdavServer('setting', value)).toBe(server)
})

test.each(['cloud.example.org', 'ftp://host', 'https://', 'https://me:secret@host'])(
  'a server is not read from %s',
  (value) => {
    expect(() => parseWebdavServer('the setting', value)).toThrow(/^the setting is not the address of a server/)
  },
)
