import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { GitConfig } from '../../../src/core/git-config.ts'
import {
  type ConfigSources,
  LOCAL_SETTINGS,
  REMOTE_SETTINGS,
  resolveConfig,
} from '../../../src/ria/settings/settings.ts'

const COMMITTED = 'ria+file:///committed'

function resolve(
  git: Readonly<Record<string, string>>,
  committed: ConfigSources['committed'] = { url: COMMITTED },
  names: Partial<Pick<ConfigSources, 'gitName' | 'name'>> = {},
) {
  return resolveConfig({
    git: new GitConfig(Object.entries(git)),
    committed,
    gitName: 'origin-ria',
    name: 'made',
    ...names,
  })
}

test('without any setting but a URL, everything has its default', () => {
  expect(resolve({})).toEqual({
    url: { text: COMMITTED, location: { scheme: 'file', path: '/committed' }, isLocal: false },
    pushUrl: undefined,
    forceWrite: false,
    ignoreFlags: false,
    bufferBytes: undefined,
    verify: false,
    ssh: 'auto',
    stallMs: 30_000,
    s3: { parallelParts: 4, restore: { days: 7, tier: 'Standard' } },
    s3Endpoints: { named: new Set(), ofRemote: new Set() },
  })
})

test.each([
  ['ora-url', 'url', 'no URL'],
  ['ora-push-url', 'push-url', 'ria+ftp://host/store'],
  ['ora-push-url', 'push-url', 'ria+http://host/store'],
])('a bad %s is blamed by its own name, not as %s', (local, committed, value) => {
  const bad = { [`remote.origin-ria.${local}`]: value }
  expect(() => resolve(bad, { url: COMMITTED, [committed]: COMMITTED })).toThrow(`remote.origin-ria.${local}`)
})

describe('the URL of the store', () => {
  const url = (...parameters: Parameters<typeof resolve>) => {
    const { text, isLocal } = resolve(...parameters).url
    return [text, isLocal]
  }

  test.each<[string, Record<string, string>, [string, boolean]]>([
    [
      'of the clone counts more than the committed one',
      { 'remote.origin-ria.ora-url': 'ria+file:///local' },
      ['ria+file:///local', true],
    ],
    ['of another remote does not count', { 'remote.other.ora-url': 'ria+file:///local' }, [COMMITTED, false]],
    [
      'of the name that the remote was made with does not count when git has another',
      { 'remote.made.ora-url': 'ria+file:///local' },
      [COMMITTED, false],
    ],
    [
      'is rewritten as git would',
      { 'url.ria+ssh://host/.insteadof': 'ria+file:///' },
      ['ria+ssh://host/committed', false],
    ],
    [
      'of the clone is rewritten too',
      { 'remote.origin-ria.ora-url': 'mystore:', 'url.ria+file:///local.insteadof': 'mystore:' },
      ['ria+file:///local', true],
    ],
    ['of the clone that is empty does not count', { 'remote.origin-ria.ora-url': '' }, [COMMITTED, false]],
    ['counts more than the deprecated settings', { 'annex.ora-remote.made.base-path': '/old' }, [COMMITTED, false]],
  ])('%s', (_what, git, expected) => {
    expect(url(git)).toEqual(expected)
  })

  test('of the name that the remote was made with counts where git does not tell its own', () => {
    expect(url({ 'remote.made.ora-url': 'ria+file:///local' }, { url: COMMITTED }, { gitName: undefined })).toEqual([
      'ria+file:///local',
      true,
    ])
  })

  test('may be only in the clone', () => {
    expect(url({ 'remote.origin-ria.ora-url': 'ria+file:///local' }, { url: '' })).toEqual(['ria+file:///local', true])
  })

  test('that is nowhere is a ConfigError', () => {
    expect(() => resolve({}, { url: '' })).toThrow(ConfigError)
    expect(() => resolve({}, {})).toThrow('no store is configured')
  })

  test('that is refused says which setting it is', () => {
    expect(() => resolve({}, { url: '/path' })).toThrow('url: the store URL /path does not start with ria+')
    expect(() => resolve({}, { url: COMMITTED, 'push-url': 'x' })).toThrow('push-url: ')
  })
})

describe('the URL to write to', () => {
  const push = 'ria+ssh://host/push'

  test('is the committed push-url', () => {
    expect(resolve({}, { url: COMMITTED, 'push-url': push }).pushUrl).toMatchObject({ text: push, isLocal: false })
  })

  test('is that of the clone if there are both', () => {
    const git = { 'remote.origin-ria.ora-push-url': 'ria+file:///local' }
    expect(resolve(git, { url: COMMITTED, 'push-url': push }).pushUrl).toMatchObject({
      text: 'ria+file:///local',
      isLocal: true,
    })
  })

  test.each(['ria+http://host/a', 'ria+https://user:secret@host/a'])('cannot be %s', (text) => {
    expect(() => resolve({}, { url: COMMITTED, 'push-url': text })).toThrow('which can only be read')
    expect(() => resolve({}, { url: COMMITTED, 'push-url': text })).not.toThrow('secret')
  })
})

describe('the settings from before there were URLs', () => {
  const location = (git: Record<string, string>, committed: ConfigSources['committed'] = {}) =>
    resolve(git, committed).url.location

  test.each<[string, Record<string, string>, ConfigSources['committed'], object]>([
    ['a committed path', {}, { 'base-path': '/a b' }, { scheme: 'file', path: '/a b' }],
    ['host 0 is this machine', {}, { 'base-path': '/a', 'ssh-host': '0' }, { scheme: 'file', path: '/a' }],
    [
      'a host',
      {},
      { 'base-path': '/a', 'ssh-host': 'me@host' },
      { scheme: 'ssh', path: '/a', target: { host: 'host', user: 'me' } },
    ],
    [
      'a path of the clone',
      { 'annex.ora-remote.made.base-path': '/b' },
      { 'base-path': '/a' },
      { scheme: 'file', path: '/b' },
    ],
    [
      'a host 0 of the clone',
      { 'annex.ora-remote.made.ssh-host': '0' },
      { 'base-path': '/a', 'ssh-host': 'host' },
      { scheme: 'file', path: '/a' },
    ],
    [
      'a path with what means something in URLs',
      {},
      { 'base-path': ' /a%20#?ü ' },
      { scheme: 'file', path: '/a%20#?ü' },
    ],
  ])('are understood: %s', (_what, git, committed, expected) => {
    expect(location(git, committed)).toEqual(expected)
  })

  test('need an absolute path', () => {
    expect(() => location({}, { 'base-path': 'a' })).toThrow('not absolute')
    expect(() => location({}, { 'ssh-host': 'host' })).toThrow('no store is configured')
  })
})

describe('writing in spite of an unknown layout', () => {
  const NEW = 'remote.origin-ria.ora-force-write'
  const OLD = 'annex.ora-remote.made.force-write'
  test.each<[Record<string, string>, string | undefined, boolean]>([
    [{}, undefined, false],
    [{ [NEW]: 'true' }, undefined, true],
    [{ [NEW]: 'yes' }, 'false', true],
    [{ [NEW]: 'false' }, 'true', false],
    [{ [NEW]: 'false', [OLD]: 'true' }, undefined, false],
    [{ [OLD]: 'true' }, undefined, true],
    [{ [OLD]: 'true' }, 'false', false],
    [{ [OLD]: 'true' }, '', true],
    [{}, 'true', true],
  ])('with %j in git and %j committed is %j, as ORA has it', (git, committed, expected) => {
    const settings = { url: COMMITTED, ...(committed !== undefined && { 'force-write': committed }) }
    expect(resolve(git, settings).forceWrite).toBe(expected)
  })
})

describe('verification by the remote', () => {
  const VERIFY = 'remote.origin-ria.riastore-verify'
  const ANNEX = 'remote.origin-ria.annex-verify'
  test.each<[Record<string, string>, boolean]>([
    [{}, false],
    [{ [VERIFY]: 'always' }, true],
    [{ [VERIFY]: 'never', [ANNEX]: 'false' }, false],
    [{ [ANNEX]: 'false' }, true],
    [{ [ANNEX]: 'no', [VERIFY]: 'auto' }, true],
    [{ [ANNEX]: 'true' }, false],
    [{ 'annex.verify': 'false' }, true],
    [{ 'annex.verify': 'false', [ANNEX]: 'true' }, false],
    [{ 'annex.verify': 'true', [ANNEX]: 'false' }, true],
    [{ 'remote.other.annex-verify': 'false' }, false],
    [{ 'annex.verify': 'strange' }, false],
  ])('with %j is %j', (git, expected) => {
    expect(resolve(git).verify).toBe(expected)
  })
})

describe('the other settings of a clone', () => {
  const at = (name: string, value: string) => resolve({ [`remote.origin-ria.${name}`]: value })

  test('are read', () => {
    expect(at('ora-ignore-ria-config', 'true').ignoreFlags).toBe(true)
    expect(resolve({ 'annex.ora-remote.made.ignore-remote-config': '1' }).ignoreFlags).toBe(true)
    expect(at('ora-buffer-size', '65536').bufferBytes).toBe(65_536)
    expect(at('ora-buffer-size', '2M').bufferBytes).toBe(2 * 1024 ** 2)
    expect(at('ora-buffer-size', '999g').bufferBytes).toBe(64 * 1024 ** 2)
    expect(at('riastore-ssh', 'openssh').ssh).toBe('openssh')
    expect(at('riastore-stall-timeout', '0.5').stallMs).toBe(500)
  })

  test.each([
    ['ora-force-write', 'perhaps'],
    ['ora-ignore-ria-config', '2'],
    ['ora-buffer-size', '0'],
    ['ora-buffer-size', '-1'],
    ['ora-buffer-size', 'much'],
    ['riastore-verify', 'true'],
    ['riastore-ssh', 'putty'],
    ['riastore-stall-timeout', '0'],
    ['riastore-stall-timeout', 'Infinity'],
    ['riastore-stall-timeout', 'soon'],
  ])('are refused when they make no sense: %s=%s', (name, value) => {
    expect(() => at(name, value)).toThrow(ConfigError)
    expect(() => at(name, value)).toThrow(name)
  })
})

describe('the settings of a store in S3', () => {
  const s3 = (committed: ConfigSources['committed'], git: Record<string, string> = {}) =>
    resolve(git, { url: 'ria+s3+https://s3.example.org/bucket/store', ...committed }).s3

  const DEFAULTS = { parallelParts: 4, restore: { days: 7, tier: 'Standard' } }

  test('are those of git-annex’s own S3 remote', () => {
    const committed = {
      region: 'eu-central-1',
      storageclass: 'STANDARD_IA',
      partsize: '16MiB',
      requeststyle: 'virtual',
    }
    expect(s3(committed, { 'remote.origin-ria.riastore-s3-profile': 'my lab' })).toEqual({
      region: 'eu-central-1',
      storageClass: 'STANDARD_IA',
      partBytes: 16 * 1024 ** 2,
      addressing: 'virtual',
      profile: 'my lab',
      ...DEFAULTS,
    })
  })

  test('are those of AWS’s requests where git-annex has none', () => {
    const committed = {
      storageclass: 'GLACIER',
      storageclassminsize: '1MiB',
      acl: 'bucket-owner-full-control',
      serversideencryption: 'aws:kms',
      ssekmskeyid: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab',
      restoredays: '30',
      restoretier: 'Bulk',
    }
    expect(s3(committed, { 'remote.origin-ria.riastore-s3-parallel': '8' })).toEqual({
      storageClass: 'GLACIER',
      storageClassMinBytes: 1024 ** 2,
      acl: 'bucket-owner-full-control',
      encryption: 'aws:kms',
      encryptionKey: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab',
      restore: { days: 30, tier: 'Bulk' },
      parallelParts: 8,
    })
  })

  test('restore nothing from cold storage when that is for no day', () => {
    expect(s3({ restoredays: '0', restoretier: 'Bulk' })).toEqual({ parallelParts: 4 })
  })

  test('have no value when they are empty', () => {
    expect(s3({ region: '', storageclass: '', partsize: '', requeststyle: '', acl: '', restoredays: '' })).toEqual(
      DEFAULTS,
    )
  })

  test.each([
    ['5MiB', 5 * 1024 ** 2],
    ['5242880', 5 * 1024 ** 2],
    ['5GiB', 5 * 1024 ** 3],
    ['10 mb', 10_000_000],
    ['0.5GB', 500_000_000],
    ['6000KiB', 6000 * 1024],
    ['5368709120b', 5 * 1024 ** 3],
  ])('take a part size of %s', (partsize, bytes) => {
    expect(s3({ partsize }).partBytes).toBe(bytes)
  })

  test.each<[string, string]>([
    ['partsize', '5242879'],
    ['partsize', '5.01GiB'],
    ['partsize', '0'],
    ['partsize', '-16MiB'],
    ['partsize', '16 megs'],
    ['partsize', '16M'],
    ['partsize', '0x1000000'],
    ['partsize', '1e8'],
    ['region', 'eu west'],
    ['region', 'a\r\nb'],
    ['region', 'a/b'],
    ['storageclass', 'COLD,HOT'],
    ['storageclassminsize', 'small'],
    ['acl', 'public-read-write'],
    ['acl', 'Private'],
    ['serversideencryption', 'yes'],
    ['restoredays', '-1'],
    ['restoredays', '1.5'],
    ['restoretier', 'fast'],
    ['requeststyle', 'Path'],
    ['requeststyle', 'dns'],
  ])('are refused in one line when they make no sense: %s=%j', (name, value) => {
    const attempt = () => s3({ [name]: value })
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(new RegExp(`^${name} is .*[^\\n]$`))
  })

  test('are refused in the clone too', () => {
    expect(() => s3({}, { 'remote.origin-ria.riastore-s3-profile': 'a\nb' })).toThrow('riastore-s3-profile is')
    for (const parallel of ['0', '65', 'all', '1.5', '']) {
      const attempt = () => s3({}, { 'remote.origin-ria.riastore-s3-parallel': parallel })
      expect(attempt, parallel).toThrow('riastore-s3-parallel is')
    }
  })

  test('have a key for the encryption only where there is an encryption with one', () => {
    const ssekmskeyid = 'alias/mine'
    expect(() => s3({ ssekmskeyid })).toThrow('ssekmskeyid is for serversideencryption=aws:kms')
    expect(() => s3({ ssekmskeyid, serversideencryption: 'AES256' })).toThrow('ssekmskeyid is for')
    expect(() => s3({ ssekmskeyid: 'a b', serversideencryption: 'aws:kms' })).toThrow('ssekmskeyid is "a b"')
  })
})

test('every setting has a description, and none is one that git-annex keeps for itself', () => {
  for (const [name, description] of [
    ...REMOTE_SETTINGS.map((setting) => [setting.name, setting.description] as const),
    ...Object.entries(LOCAL_SETTINGS),
  ]) {
    expect(description).toMatch(/^[^\n]{5,}$/)
    expect(['encryption', 'chunk', 'cost', 'uuid', 'name', 'autoenable', 'versioning']).not.toContain(name)
  }
})
