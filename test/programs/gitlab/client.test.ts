import { readFile } from 'node:fs/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { getGroup, getProject, getToken, getUser } from '../../../src/gitlab/calls.ts'
import { GitLabClient } from '../../../src/gitlab/client.ts'
import { readUser } from '../../../src/gitlab/shapes.ts'
import { Token } from '../../../src/gitlab/token.ts'
import { failure, useGitLab } from '../../support/gitlab/bench.ts'
import { projectDirectory } from '../../support/programs/programs.ts'

const bench = useGitLab()
afterEach(() => vi.unstubAllEnvs())

/** Answers that a GitLab, or what stands before one, gives; what becomes of them. */
const ANSWERS: [string, number, unknown, string, RegExp][] = [
  ['a message', 404, { message: '404 Project Not Found' }, 'absent', /404 Project Not Found/],
  [
    'a message about a model',
    400,
    { message: { name: ['has already been taken'] } },
    'taken',
    /name has already been taken/,
  ],
  [
    'a message with dotted keys',
    400,
    { message: { 'project_namespace.name': ['has already been taken'], path: ['has already been taken'] } },
    'taken',
    /path has already been taken/,
  ],
  ['a nested message', 400, { message: { a: { b: ['is bad'] } } }, 'refused', /a b is bad/],
  ['an error', 400, { error: 'name is missing' }, 'refused', /name is missing/],
  ['an error about visibility', 400, { error: 'visibility does not have a valid value' }, 'visibility', /valid value/],
  [
    'a namespace that is none',
    400,
    { message: { namespace: ['is not valid'] } },
    'namespace',
    /namespace is not valid/,
  ],
  [
    'a Ruby hash in a string',
    400,
    { message: 'Failed to save group {:path=>["has already been taken"]}' },
    'taken',
    /Failed to save group/,
  ],
  ['no known token', 401, { message: '401 Unauthorized' }, 'unknown', /does not know the token \(401\)/],
  [
    'an expired token',
    401,
    {
      error: 'invalid_token',
      error_description: 'Token is expired. You can either do re-authorization or token refresh.',
    },
    'expired',
    /the token has expired/,
  ],
  [
    'a revoked token',
    401,
    { error: 'invalid_token', error_description: 'Token was revoked. You have to re-authorize from the user.' },
    'revoked',
    /the token was revoked/,
  ],
  [
    'too small a scope',
    403,
    { error: 'insufficient_scope', error_description: 'higher privileges', scope: 'api' },
    'scope',
    /needs the scope api/,
  ],
  ['too low a role', 403, { message: '403 Forbidden' }, 'forbidden', /may not do this \(403: 403 Forbidden\)/],
  ['a list of errors', 403, { error: ['Your project limit is 0 projects!'] }, 'limit', /project limit is 0/],
  ['a call that nobody knows', 404, { error: '404 Not Found' }, 'unexpected', /%2F/],
  ['a web page that is not there', 404, '<html>Not found', 'unexpected', /a web page/],
  ['an empty 404', 404, '', 'unexpected', /is its address right/],
  [
    'a moved project',
    405,
    { message: 'Non GET methods are not allowed for moved projects' },
    'moved',
    /moved projects/,
  ],
  ['a conflict', 409, { message: '409 Conflict' }, 'taken', /409 Conflict/],
  ['a query that is too long', 414, '', 'unexpected', /414/],
  ['trouble', 500, { message: '500 Internal Server Error' }, 'failed', /has trouble \(500: 500 Internal/],
  ['trouble of a proxy', 502, '<html><h1>502 Bad Gateway', 'failed', /has trouble \(502: a web page\)/],
]

test.each(ANSWERS)(
  '%s (%d) is told in one line with the call and the request',
  async (_what, status, body, kind, words) => {
    bench.gitlab.fault({
      on: 'GET /projects',
      times: 99,
      answer: { status, body, headers: { 'x-request-id': 'Abc-1' } },
    })
    const error = await failure(bench.client().get('/projects/lab%2Fdata', readUser))
    expect(error).toMatchObject({ kind, status, requestId: 'Abc-1' })
    const host = new URL(bench.gitlab.url).host
    expect(error.message).toMatch(words)
    expect(error.message.startsWith(`GET ${host}/api/v4/projects/lab%2Fdata: `)).toBe(true)
    expect(error.message).toMatch(/^[^\n]+ \(request Abc-1\)$/)
  },
)

describe('what is no answer of GitLab', () => {
  test.each([
    ['a web page', '<html>Welcome'],
    ['nothing', ''],
    ['something else', { version: 3 }],
    ['a list', []],
  ])('%s is never taken for one', async (_what, body) => {
    bench.gitlab.fault({ on: 'GET /user', answer: { status: 200, body } })
    const error = await failure(getUser(bench.client()))
    expect(error).toMatchObject({ kind: 'unexpected', status: 200 })
    expect(error.message).toMatch(/does not answer as GitLab does/)
  })

  test('a redirect is not followed, wherever it leads: the token stays here', async () => {
    const asked: http.IncomingHttpHeaders[] = []
    const other = http.createServer((request, response) => {
      asked.push(request.headers)
      response.end('{}')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/api/v4/projects/7`
    for (const status of [301, 302, 307, 308]) {
      bench.gitlab.fault({ on: 'GET /projects', answer: { status, body: 'moved', headers: { location: elsewhere } } })
      const error = await failure(getProject(bench.client(), 'lab/data'))
      expect(error).toMatchObject({ kind: 'moved', status })
      expect(error.message).toContain(elsewhere)
    }
    other.close()
    expect(asked).toEqual([])
  })
})

describe('trying again', () => {
  test('a GET is tried again after 5xx and a lost connection, and this is told', async () => {
    bench.gitlab.fault({ on: 'GET /user', answer: { status: 503, body: '' } })
    bench.gitlab.fault({ on: 'GET /user', how: 'close' })
    expect(await getUser(bench.client())).toMatchObject({ username: 'owner' })
    expect(bench.gitlab.requests.map(({ status }) => status)).toEqual([503, 0, 200])
    expect(bench.told).toHaveLength(2)
    expect(bench.told[0]).toMatch(/503.*trying again/)
  })

  test('not for ever', async () => {
    bench.gitlab.fault({ on: 'GET /user', times: 99, answer: { status: 502, body: '' } })
    expect(await failure(getUser(bench.client()))).toMatchObject({ kind: 'failed', status: 502 })
    expect(bench.gitlab.requests).toHaveLength(4)
  })

  test.each([
    ['seconds', { 'retry-after': '0' }],
    ['a date', { 'retry-after': new Date(Date.now() - 5000).toUTCString() }],
    ['RateLimit-Reset', { 'ratelimit-reset': String(Math.floor(Date.now() / 1000) - 5) }],
  ])('a rate limit is waited for: %s', async (_what, headers) => {
    bench.gitlab.fault({ on: 'GET /user', answer: { status: 429, body: 'Retry later', headers } })
    expect(await getUser(bench.client())).toMatchObject({ username: 'owner' })
    expect(bench.told).toEqual([expect.stringMatching(/limits how often.*waiting \d+ s$/)])
  })

  test('for as long as GitLab says, which is told', async () => {
    bench.gitlab.fault({
      on: 'GET /user',
      answer: { status: 429, body: 'Retry later', headers: { 'retry-after': '1' } },
    })
    await getUser(bench.client())
    expect(bench.told).toEqual([expect.stringMatching(/limits how often .*, waiting 1 s$/)])
  })

  test.each([
    ['too long', '3600', /it asks to wait 3600 s/],
    ['an unknown time', '', /limits how often it may be asked \(429\)/],
  ])('a rate limit that would take %s is told at once', async (_what, after, words) => {
    const headers: Record<string, string> = after === '' ? {} : { 'retry-after': after }
    bench.gitlab.fault({ on: 'GET /user', times: 99, answer: { status: 429, body: { message: 'slow' }, headers } })
    const error = await failure(getUser(bench.client({ patienceMs: 50_000 })))
    expect(error).toMatchObject({ kind: 'busy', status: 429 })
    expect(error.message).toMatch(words)
    expect(bench.gitlab.requests).toHaveLength(1)
  })

  test('a token that was refused is never sent again', async () => {
    const client = bench.client({ text: 'glpat-wrong' })
    expect(await failure(getUser(client))).toMatchObject({ kind: 'unknown' })
    expect(await failure(getProject(client, 'lab/data'))).toMatchObject({ kind: 'unknown' })
    expect(bench.gitlab.requests).toHaveLength(1)
  })

  test('a create whose answer was lost is looked for, and not sent again', async () => {
    bench.gitlab.addGroup('again')
    bench.gitlab.fault({ on: 'POST /groups', acts: true, how: 'close' })
    const parent = (await getGroup(bench.client(), 'again')) ?? { id: 0 }
    const look = () => getGroup(bench.client(), 'again/below')
    const body = { name: 'below', path: 'below', parent_id: parent.id }
    const made = await bench.client().create('/groups', body, (value) => value, look)
    expect(made.isOurs).toBeUndefined()
    expect(made.value).toMatchObject({ fullPath: 'again/below' })
    expect(bench.gitlab.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET'])
  })

  test('a create that was not carried out is sent again after a look', async () => {
    bench.gitlab.addGroup('once')
    bench.gitlab.fault({ on: 'POST /groups', answer: { status: 502, body: '' } })
    bench.gitlab.fault({ on: 'POST /groups', answer: { status: 429, body: '', headers: { 'retry-after': '0' } } })
    const parent = await getGroup(bench.client(), 'once')
    const body = { name: 'below', path: 'below', parent_id: parent?.id }
    const made = await bench.client().create(
      '/groups',
      body,
      (value) => value,
      () => getGroup(bench.client(), 'once/below'),
    )
    expect(made.isOurs).toBe(true)
    expect(bench.gitlab.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET', 'POST', 'GET', 'POST'])
  })
})

describe('waiting', () => {
  test('a server that says nothing is given up after the stall limit', async () => {
    bench.gitlab.fault({ on: 'GET /user', times: 99, how: 'silent' })
    const error = await failure(getUser(bench.client({ stallMs: 50 })))
    expect(error).toMatchObject({ kind: 'unreachable' })
    expect(error.message).toMatch(/no answer for 0.05 s/)
  })

  test.each(['while it is asked', 'while a rate limit is waited for'])(
    'ends at once when it is aborted %s',
    async (when) => {
      const stop = new AbortController()
      bench.gitlab.fault(
        when === 'while it is asked'
          ? { on: 'GET /user', how: 'silent' }
          : { on: 'GET /user', answer: { status: 429, headers: { 'retry-after': '100' } } },
      )
      const asked = failure(getUser(bench.client({ signal: stop.signal })))
      await expect.poll(() => bench.gitlab.requests).toHaveLength(1)
      setTimeout(() => stop.abort(), 20)
      expect(await asked).toMatchObject({ kind: 'aborted' })
    },
  )

  test('a host that is not there is told by its name', async () => {
    const client = bench.client({ url: 'http://127.0.0.1:1' })
    expect((await failure(getUser(client))).message).toMatch(/^GET 127\.0\.0\.1:1\/api\/v4\/user: cannot be reached: /)
  })
})

describe('the token', () => {
  test('is shown by nothing that prints', () => {
    const token = new Token('glpat-abc', 'the test')
    const client = new GitLabClient({ url: 'https://gitlab.example.org', token })
    for (const text of [`${token}`, JSON.stringify({ token }), inspect(token), inspect(client, { depth: 9 })]) {
      expect(text).not.toContain('glpat-abc')
    }
    expect(token.reveal()).toBe('glpat-abc')
  })

  test.each(['', 'with space', 'two\nlines', 'glpat-ü'])('%j is none, and the error does not show it', (text) => {
    expect(() => new Token(text, 'GITLAB_TOKEN')).toThrow('what GITLAB_TOKEN gives is no access token of GitLab')
  })

  test('is not repeated from an answer that has it', async () => {
    const body = { message: `unknown ${bench.gitlab.token}` }
    bench.gitlab.fault({ on: 'GET /user', answer: { status: 400, body } })
    const error = await failure(getUser(bench.client()))
    expect(inspect(error, { depth: 9 })).not.toContain(bench.gitlab.token)
    expect(error.message).toContain('unknown ***')
  })

  test('tells its scopes and its end', async () => {
    const text = bench.gitlab.addToken({ scopes: ['read_api'], expiresAt: '2999-12-31' })
    expect(await getToken(bench.client({ text }))).toEqual({
      name: 'riastore',
      scopes: ['read_api'],
      expiresAt: '2999-12-31',
    })
    const body = { message: '400 Bad request - This endpoint requires token type to be a personal access token' }
    bench.gitlab.fault({ on: 'GET /personal', answer: { status: 400, body } })
    expect(await getToken(bench.client())).toBeUndefined()
  })
})

describe('the address', () => {
  const open = (url: string, allowHttp = false) =>
    new GitLabClient({ url, token: new Token('glpat-abc', 'the test'), allowHttp }).address

  test.each([
    ['https://gitlab.example.org/', 'https://gitlab.example.org', 'gitlab.example.org'],
    ['gitlab.example.org', 'https://gitlab.example.org', 'gitlab.example.org'],
    ['https://example.org:8443/gitlab/api/v4/', 'https://example.org:8443/gitlab', 'example.org:8443/gitlab'],
    ['http://localhost:8080', 'http://localhost:8080', 'localhost:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080', '[::1]:8080'],
  ])('%s', (given, url, host) => {
    expect(open(given)).toEqual({ url, host })
  })

  test.each([
    ['http://gitlab.example.org', /would be sent unencrypted/],
    ['http://localhost.example.org', /would be sent unencrypted/],
    ['https://me:glpat-secret@gitlab.example.org', /has a user or a password in it/],
    ['ssh://gitlab.example.org', /has to begin with https/],
    ['https://gitlab.example.org/?a=b', /has a \? or # in it/],
    ['https://', /is no URL/],
  ])('%s is refused, and no secret is shown', (given, reason) => {
    expect(() => open(given)).toThrow(reason)
    expect(() => open(given)).not.toThrow(/glpat-secret/)
  })

  test('plain http may be allowed', () => {
    expect(open('http://gitlab.example.org', true).url).toBe('http://gitlab.example.org')
  })

  test('a server for whose certificate nobody vouches gets nothing, and what to do is told', async () => {
    const pem = await readFile(join(projectDirectory, 'fixtures/gitlab-self-signed.pem'))
    const asked: unknown[] = []
    const server = https.createServer({ key: pem, cert: pem }, (request, response) => {
      asked.push(request.headers)
      response.end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const error = await failure(getUser(bench.client({ url })))
    server.close()
    expect(error.kind).toBe('untrusted')
    expect(error.message).toMatch(/its certificate is not trusted \(.*\); SSL_CERT_FILE, .*NODE_EXTRA_CA_CERTS/)
    expect(bench.told).toEqual([])
    expect(asked).toEqual([])
  })

  test('a setting that turns the check of certificates off is refused', () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    expect(() => open('https://gitlab.example.org')).toThrow(/NODE_EXTRA_CA_CERTS/)
  })
})
