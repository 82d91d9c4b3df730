import { expect, test } from 'vitest'
import { findAuthorization } from '../../../src/store/dav/authorization.ts'

const call = { op: 'stat', where: 'file', signal: new AbortController().signal }
const env = { WEBDAV_USERNAME: 'user', WEBDAV_PASSWORD: 'pä:ss' }
const find = (url: string) => findAuthorization({ url, user: undefined, env }, call)

test.each(['https://dav.example.org/store', 'http://localhost:8080', 'http://127.0.0.1/a', 'http://[::1]:80'])(
  'a password is sent to %s',
  async (url) => {
    expect(await find(url)).toBe(`Basic ${Buffer.from('user:pä:ss').toString('base64')}`)
  },
)

test.each(['http://dav.example.org/store', 'http://127.0.0.1.example.org', 'http://10.0.0.1'])(
  'a password is not sent in clear text to %s, and not shown',
  async (url) => {
    const error = await find(url).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ kind: 'denied', sent: 'no' })
    expect(String(error)).not.toContain('pä:ss')
  },
)
