import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { resolveConfig } from '../../../src/ria/settings/settings.ts'
import type { Sibling } from '../../../src/ria/settings/siblings.ts'
import { siblingSettings, storeSettings } from '../../../src/ria/settings/store-settings.ts'
import { parseStoreUrl } from '../../../src/ria/url.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const URL = 'ria+s3+https://s3.example.org/bucket/store'
const KEPT = { accessKeyId: 'KEPT', secretAccessKey: 'kept-secret' }

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'creds'))
  await writeFile(join(directory.path, 'creds/u-s3creds'), `${KEPT.accessKeyId}\n${KEPT.secretAccessKey}\n`)
  for (const name of ['PROFILE', 'SESSION_TOKEN', 'ENDPOINT_URL', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'REGION']) {
    vi.stubEnv(`AWS_${name}`, undefined)
  }
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

interface Situation {
  readonly git?: Readonly<Record<string, string>>
  readonly committed?: Sibling['committed']
}

function situation({ git = {}, committed = {} }: Situation) {
  const config = new GitConfig(Object.entries(git))
  const all = { url: URL, ...committed }
  const sibling = {
    name: 'r',
    uuid: 'u',
    committed: all,
    config: resolveConfig({ committed: all, git: config, gitName: 'r', name: 'r' }),
    agreement: 'agreed' as const,
    annexDirectory: directory.path,
  }
  return { git: config, siblings: [sibling], sibling }
}

async function named(given: Situation, url = URL) {
  return (await storeSettings(parseStoreUrl(url), { ...situation(given), isNamed: true })).s3
}

describe('a store that the user named', () => {
  test('is used as its settings in git’s configuration say', async () => {
    const git = {
      'riastore.store.lab.url': URL,
      'riastore.store.lab.region': 'eu-west-1',
      'riastore.store.lab.profile': 'lab',
      'riastore.store.lab.acl': 'public-read',
    }
    expect(await named({ git })).toMatchObject({ region: 'eu-west-1', profile: 'lab', acl: 'public-read' })
  })

  test('takes of a dataset’s settings what decides neither where data goes nor who sees it', async () => {
    const committed = {
      region: 'eu-west-1',
      requeststyle: 'virtual',
      partsize: '16MiB',
      serversideencryption: 'aws:kms',
    }
    expect(await named({ committed: { ...committed, acl: 'bucket-owner-full-control' } })).toMatchObject({
      region: 'eu-west-1',
      addressing: 'virtual',
      partBytes: 16 * 1024 ** 2,
      acl: 'bucket-owner-full-control',
      encryption: 'aws:kms',
    })
    const foreign = await named({
      committed: { ...committed, acl: 'public-read', ssekmskeyid: 'theirs', storageclass: 'GLACIER', restoredays: '9' },
    })
    expect(foreign).toEqual({
      ...{ region: 'eu-west-1', addressing: 'virtual', partBytes: 16 * 1024 ** 2, parallelParts: 4 },
      credentials: KEPT,
    })
  })

  test('is signed for with the keys that git-annex keeps, where AWS’s own places have none', async () => {
    expect(await named({})).toMatchObject({ credentials: KEPT })
    expect(await named({}, 'ria+s3+https://s3.example.org/bucket/other')).not.toHaveProperty('credentials')
    const git = { 'remote.r.riastore-s3-endpoint': 'https://other.example.org' }
    expect(await named({ git })).not.toHaveProperty('credentials')
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'OWN')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'own-secret')
    expect(await named({})).not.toHaveProperty('credentials')
  })
})

test('the special remote takes the settings of its store’s name rather than the committed ones', () => {
  const git = {
    'riastore.store.lab.url': URL,
    'riastore.store.lab.acl': 'private',
    'riastore.store.lab.profile': 'lab',
  }
  const { config } = situation({ git, committed: { acl: 'public-read', region: 'eu-west-1' } }).sibling
  expect(config.s3).toMatchObject({ acl: 'private', profile: 'lab', region: 'eu-west-1' })
})

test('a sibling’s store that nobody named gets no AWS keys of the user', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'OWN')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'own-secret')
  const git = { 'remote.r.riastore-s3-endpoint': 'https://other.example.org' }
  const { sibling, ...sources } = situation({ git })
  const { settings } = await siblingSettings(sibling, sources, false)
  expect(settings.s3).toMatchObject({ credentials: 'none', unsigned: expect.stringContaining('that only the dataset') })
})
