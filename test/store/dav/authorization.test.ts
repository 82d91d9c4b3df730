import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { findAuthorization, type Logins } from '../../../src/store/dav/authorization.ts'
import { openDavStore } from '../../../src/store/dav/dav.ts'

const call = { op: 'stat', where: 'file', signal: new AbortController().signal }
/** git's helpers have nothing. */
const env = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  WEBDAV_USERNAME: 'user',
  WEBDAV_PASSWORD: 'pä:ss',
}
const allowed = { environment: true }
const kept = { user: 'keeper', password: 'kept' }
const find = (url: string, logins: Logins | undefined = allowed, user?: string) =>
  findAuthorization({ url, user, logins, env }, call)
const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`
const HERE = 'http://127.0.0.1/a'

test.each(['https://dav.example.org/store', 'http://localhost:8080', HERE, 'http://[::1]:80'])(
  'a password is sent to %s',
  async (url) => {
    expect(await find(url)).toBe(basic('user:pä:ss'))
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

test('the environment counts more than what is kept, and nothing where it is not for the server', async () => {
  expect(await find(HERE, { environment: true, kept })).toBe(basic('user:pä:ss'))
  expect(await find(HERE, { environment: false, kept })).toBe(basic('keeper:kept'))
  expect(await find(HERE, { environment: false })).toBeUndefined()
  expect(await findAuthorization({ url: HERE, user: undefined, logins: undefined, env }, call)).toBeUndefined()
})

test('what is kept for one user is not sent for another', async () => {
  expect(await find(HERE, { environment: false, kept }, 'keeper')).toBe(basic('keeper:kept'))
  expect(await find(HERE, { environment: false, kept }, 'other')).toBeUndefined()
})

test('a server that nobody named gets no password though it asks for one, and the refusal says what allows it', async () => {
  const sent: (string | undefined)[] = []
  const server = createServer((request, response) => {
    sent.push(request.headers.authorization)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="here"' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/store`
  const store = openDavStore({ url, env, logins: { environment: false, notSent: 'git config allows it' } })
  onTestFinished(async () => {
    await store.close()
    server.close()
  })
  await expect(store.stat('file')).rejects.toMatchObject({
    kind: 'denied',
    message: expect.stringContaining('git config allows it'),
  })
  expect(sent).toEqual([undefined])
})
