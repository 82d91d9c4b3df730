import { expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { type CredentialsAsked, judgeCredentials } from '../../../src/setup/clone/judge-credentials.ts'

const SECRET = 'hunter2'
const KEYS = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: SECRET }
const S3 = { scheme: 's3+https', endpoint: 'https://s3.example.org', bucket: 'b', prefix: '' } as const
const DAV = { scheme: 'davs', url: 'https://cloud.example.org/store', user: 'me' } as const

const asked = (more: Partial<CredentialsAsked>): CredentialsAsked => ({
  location: S3,
  settings: {},
  git: new GitConfig([]),
  remote: 'lab',
  env: {},
  isReadable: true,
  ...more,
})

test.each<[string, Partial<CredentialsAsked>, string, string]>([
  ['keys in the environment', { settings: { s3: {} } }, 'ok', 'in the environment'],
  ['a profile by a setting', { settings: { s3: { profile: 'p' } } }, 'ok', 'the profile p'],
  ['a profile by the environment', { env: { AWS_PROFILE: 'q' } }, 'ok', 'AWS_PROFILE'],
  ['kept keys', { settings: { s3: { credentials: KEYS } } }, 'ok', 'git-annex keeps'],
  ['files of AWS', { settings: { s3: { credentials: async () => KEYS } } }, 'ok', 'configuration files'],
  ['none, and a public bucket', { settings: { s3: { credentials: 'none' } } }, 'warning', 'not signed'],
  ['none', { settings: { s3: { credentials: 'none' } }, isReadable: false }, 'failed', 'not signed'],
  [
    'a password kept',
    { location: DAV, settings: { dav: { environment: true, kept: { user: 'me', password: SECRET } } } },
    'ok',
    'git-annex keeps',
  ],
  [
    'a password in the environment',
    { location: DAV, settings: { dav: { environment: true } }, env: { WEBDAV_PASSWORD: SECRET } },
    'ok',
    'WEBDAV_PASSWORD in',
  ],
  ['no password', { location: DAV, settings: { dav: { environment: true } }, isReadable: false }, 'failed', 'none'],
  [
    'a password for a server that nobody named',
    { location: DAV, settings: { dav: { environment: false, notSent: 'x' } }, isReadable: false },
    'failed',
    'only the dataset names',
  ],
  [
    'helpers',
    { location: DAV, git: new GitConfig([['credential.helper', `!echo ${SECRET}`]]), isReadable: false },
    'warning',
    'helpers',
  ],
  [
    'a URL with a password',
    { location: { scheme: 'https', url: `https://me:${SECRET}@example.org/store` } },
    'ok',
    'in the URL',
  ],
])('says of %s where it is from, and no secret', (_what, more, result, said) => {
  const outcome = judgeCredentials(asked(more))
  expect(outcome).toEqual([
    result,
    expect.stringContaining(said),
    ...(result === 'ok' || said === 'helpers' ? [] : [expect.any(String)]),
  ])
  expect(JSON.stringify(outcome)).not.toContain(SECRET)
})

test('names the server to which keys would have to be allowed', () => {
  const outcome = judgeCredentials(
    asked({ settings: { s3: { credentials: 'none', unsigned: 'x' } }, isReadable: false }),
  )
  expect(outcome?.[2]).toBe('git config --add remote.lab.riastore-s3-endpoint https://s3.example.org')
})

test('has nothing to say of a disk', () => {
  expect(judgeCredentials(asked({ location: { scheme: 'file', path: '/store' } }))).toBeUndefined()
})
