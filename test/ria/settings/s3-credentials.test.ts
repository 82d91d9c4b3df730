import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { s3Settings } from '../../../src/ria/settings/s3-credentials.ts'
import { resolveConfig } from '../../../src/ria/settings/settings.ts'

const URL_OF_DATASET = 'ria+s3+https://s3.example.org/bucket/store'
const KEPT = { accessKeyId: 'KEPT', secretAccessKey: 'kept-secret' }

beforeEach(() => {
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'])
    vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'OWN')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'own-secret')
})
afterEach(() => vi.unstubAllEnvs())

interface Situation {
  readonly git?: Readonly<Record<string, string>>
  readonly url?: string
  readonly isNew?: boolean
  readonly kept?: boolean
}

/** Whose keys a remote's requests are signed with. */
async function signer({ git = {}, url = URL_OF_DATASET, isNew = false, kept = false }: Situation) {
  const config = resolveConfig({ committed: { url }, git: new GitConfig(Object.entries(git)), gitName: 'r', name: 'r' })
  const keptKeys = async () => (kept ? KEPT : undefined)
  const settings = await s3Settings({ config, url: config.url, name: 'r', isNew, kept: keptKeys })
  if (settings?.credentials === undefined) return 'the user'
  return settings.credentials === 'none' ? (settings.unsigned ?? 'nobody') : 'what was kept'
}

const REFUSED =
  'AWS keys of your own are sent to no server that only the dataset names: git config --add remote.r.riastore-s3-endpoint https://s3.example.org allows it'

describe('requests to a server that only the dataset names', () => {
  test('are not signed with the keys that the user has, and the way out is told', async () => {
    expect(await signer({})).toBe(REFUSED)
    expect(await signer({ git: { 'remote.r.riastore-s3-endpoint': 'https://other.example.org' } })).toBe(REFUSED)
    expect(
      await signer({
        url: 'ria+s3+https://s3.example.org:8443/bucket',
        git: { 'remote.o.url': 's3+https://s3.example.org/b/abc/def' },
      }),
    ).toMatch(/:8443 allows it$/)
  })

  test('are signed with what git-annex keeps for the remote, unless other servers were named for it', async () => {
    expect(await signer({ kept: true })).toBe('what was kept')
    const git = { 'remote.r.riastore-s3-endpoint': 'https://other.example.org' }
    expect(await signer({ kept: true, git })).toBe(REFUSED)
  })

  test('say nothing of keys where the user has none', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    expect(await signer({})).toBe('nobody')
  })
})

test.each<[string, Situation]>([
  ['made the remote', { isNew: true }],
  ['named the server for this remote', { git: { 'remote.r.riastore-s3-endpoint': 'https://s3.example.org/' } }],
  ['has a remote there', { git: { 'remote.other.url': 's3+https://s3.example.org/other/abc/def' } }],
  ['has a local ora-url', { git: { 'remote.r.ora-url': URL_OF_DATASET } }],
  ['has a site there', { git: { 'riastore.lab.store': URL_OF_DATASET } }],
  ['means AWS itself', { url: 'ria+s3+https://s3.eu-west-1.amazonaws.com/bucket' }],
])('requests are signed with the keys of a user who %s', async (_what, situation) => {
  expect(await signer({ kept: true, ...situation })).toBe('the user')
})

test("requests are signed where AWS's own configuration names the server", async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_S3', 'https://s3.example.org')
  expect(await signer({})).toBe('the user')
})
