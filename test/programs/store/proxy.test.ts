import { rm, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { readUserGitConfig } from '../../../src/core/git-config.ts'
import { GitLabClient } from '../../../src/gitlab/client.ts'
import { Token } from '../../../src/gitlab/token.ts'
import { parseStoreUrl } from '../../../src/ria/url.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import { openStore } from '../../../src/store/open.ts'
import type { Store } from '../../../src/store/store.ts'
import { useGitLab } from '../../support/gitlab/bench.ts'
import { type TestS3, useTestS3 } from '../../support/servers/s3.ts'
import { BEHIND, type Squid, startSquid } from '../../support/servers/squid.ts'
import { freePort } from '../../support/servers/sshd.ts'
import { startTlsFront, type TlsFront } from '../../support/servers/tls-front.ts'
import { startWebServer, type WebServer } from '../../support/servers/web-server.ts'
import { startRclone, type WebDavServer } from '../../support/servers/webdav.ts'
import { paths, read, temporaryDirectory, write } from '../../support/stores/stores.ts'

let [open, closed]: Squid[] = []
let s3: TestS3
let web: WebServer
let dav: WebDavServer
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const fronts: TlsFront[] = []
const bench = useGitLab()

const portOf = (url: string) => Number(new URL(url).port)

/** A server that only the proxy reaches: by TLS, with the certificate of an authority made here. */
async function behindTls(url: string): Promise<string> {
  const front = await startTlsFront(BEHIND, portOf(url))
  fronts.push(front)
  return `https://${BEHIND}:${front.port}`
}
const trustLast = (name = 'SSL_CERT_FILE') => vi.stubEnv(name, fronts.at(-1)?.authority)

beforeAll(async () => {
  directory = await temporaryDirectory()
  await writeFile(`${directory.path}/file`, 'content')
  ;[open, closed, s3, web, dav] = await Promise.all([
    startSquid(),
    startSquid({ login: { user: 'me', password: 'secret' } }),
    useTestS3(),
    startWebServer(directory.path),
    startRclone(),
  ])
})
afterAll(async () => {
  for (const each of [...fronts, open, closed, web, dav, { close: () => directory.remove() }]) await each?.close()
})

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'SSL_CERT_FILE', 'AWS_CA_BUNDLE']
beforeEach(() => {
  for (const name of NAMES) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toUpperCase(), undefined)
  }
  vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null')
})
const stores: Store[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const store of stores.splice(0)) await store.close()
})

async function storeAt(url: string): Promise<Store> {
  const settings = { stallMs: 60_000, ssh: 'auto', git: await readUserGitConfig() } as const
  const store = await openStore(parseStoreUrl(url), { ...settings, s3: { credentials: s3.account } })
  stores.push(store)
  return store
}

const asked = async () => (await open?.asked())?.join('\n') ?? ''

describe('behind a proxy, where nothing is reached directly', () => {
  test.each(['https', 'http'])('a store in S3 is written and read by %s', async (scheme) => {
    const endpoint = scheme === 'http' ? `http://${BEHIND}:${portOf(s3.endpoint)}` : await behindTls(s3.endpoint)
    if (scheme === 'https') trustLast('AWS_CA_BUNDLE')
    vi.stubEnv(`${scheme}_proxy`, open?.host)
    const store = await storeAt(`ria+s3+${endpoint}/${s3.bucket}/proxy-${scheme}`)
    const content = 'x'.repeat(200_000)
    for (const name of ['one', 'two']) await write(store, name, content)
    expect((await read(store, 'one')).length).toBe(content.length)
    expect(await store.stat('absent')).toBeUndefined()
    expect(await paths(store, '')).toEqual(['one', 'two'])
    await store.close() // a tunnel is told of at its end
    await expect
      .poll(asked)
      .toContain(scheme === 'https' ? `CONNECT ${new URL(endpoint).host}` : `PUT ${endpoint}/${s3.bucket}`)
  })

  test('a store on the web is read, and one in WebDAV is written', async () => {
    vi.stubEnv('all_proxy', `http://${open?.host}`)
    const behind = await behindTls(web.url)
    trustLast()
    expect((await read(await storeAt(`ria+${behind}`), 'file')).toString()).toBe('content')
    const inDav = await storeAt(`ria+dav://${BEHIND}:${portOf(dav.url)}`)
    await write(inDav, 'file', 'in WebDAV')
    expect((await read(inDav, 'file')).toString()).toBe('in WebDAV')
    await expect.poll(asked).toContain(`PUT http://${BEHIND}:${portOf(dav.url)}/`)
  })

  test('a GitLab is asked', async () => {
    const url = await behindTls(bench.gitlab.url)
    trustLast()
    vi.stubEnv('HTTPS_PROXY', open?.host)
    const client = new GitLabClient({ url, token: new Token(bench.gitlab.token, 'the test'), pauseMs: 1 })
    expect((await client.get('/user')).status).toBe(200)
    vi.stubEnv('HTTPS_PROXY', `me:secret@127.0.0.1:${await freePort()}`)
    const other = new GitLabClient({ url, token: new Token(bench.gitlab.token, 'the test'), pauseMs: 1 })
    await expect(other.get('/user')).rejects.toThrow(
      /cannot be reached through the proxy http:\/\/127\.0\.0\.1:\d+ of HTTPS_PROXY: it refused the connection$/,
    )
  })

  test('git’s http.<url>.proxy and http.sslCAInfo count', async () => {
    const behind = await behindTls(web.url)
    const settings = { [`http.${behind}.proxy`]: open?.host, 'http.sslCAInfo': fronts.at(-1)?.authority }
    vi.stubEnv('GIT_CONFIG_COUNT', '2')
    Object.entries(settings).forEach(([key, value], i) => {
      vi.stubEnv(`GIT_CONFIG_KEY_${i}`, key)
      vi.stubEnv(`GIT_CONFIG_VALUE_${i}`, value)
    })
    vi.stubEnv('https_proxy', `127.0.0.1:${await freePort()}`)
    expect((await read(await storeAt(`ria+${behind}`), 'file')).toString()).toBe('content')
  })

  test('what the proxy remembers proves nothing', async () => {
    vi.stubEnv('http_proxy', open?.host)
    await writeFile(`${directory.path}/gone`, 'was here')
    const store = await storeAt(`ria+http://${BEHIND}:${portOf(web.url)}`)
    for (let i = 0; i < 2; i++) expect((await read(store, 'gone')).toString()).toBe('was here')
    await rm(`${directory.path}/gone`)
    expect(await store.stat('gone')).toBeUndefined()
    await expect(read(store, 'gone')).rejects.toMatchObject({ kind: 'missing' })
  })
})

describe('who cannot be reached', () => {
  const reason = async (url: string) =>
    openHttpStore({ url, git: await readUserGitConfig() })
      .stat('file')
      .then(String, ({ kind, reason }) => `${kind}: ${reason}`)

  test('is said to be so through the proxy, or directly, and why', async () => {
    const port = await freePort()
    vi.stubEnv('https_proxy', `me:secret@127.0.0.1:${port}`)
    const url = `https://${BEHIND}:1`
    expect(await reason(url)).toBe(
      `unreachable: cannot reach ${BEHIND}:1 through the proxy http://127.0.0.1:${port} of https_proxy: it refused the connection`,
    )
    vi.stubEnv('no_proxy', BEHIND)
    expect(await reason(url)).toMatch(
      /^unreachable: cannot reach \S+ directly: no_proxy has it, so the proxy of https_proxy is not asked: /,
    )
  })

  test('is not absent because the proxy says no', async () => {
    vi.stubEnv('https_proxy', open?.host)
    const [nowhere, behind] = [`https://${BEHIND}:${await freePort()}`, await behindTls(web.url)]
    trustLast()
    expect(await reason(nowhere)).toMatch(/^unreachable: cannot reach \S+: the proxy 127\S+ answers 50\d /)
    vi.stubEnv('https_proxy', closed?.host)
    expect(await reason(behind)).toMatch(/^denied: .* answers 407 .*: it wants a user and a password/)
    vi.stubEnv('https_proxy', `http://me:secret@${closed?.host}`)
    expect(await reason(behind)).toBe('[object Object]') // it is there
  })
})
