import { createHash, randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { aliasFile } from '../../src/ria/layout/alias-file.ts'
import { keyPaths } from '../../src/ria/layout/paths.ts'
import { type AccessRules, makeToken } from '../../src/serve/access-file.ts'
import { parseProxies } from '../../src/serve/gate.ts'
import type { ServeOptions } from '../../src/serve/server.ts'
import type { Store } from '../../src/store/store.ts'
import { commitFiles } from '../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../support/servers/served-store.ts'
import { DIRECTORY, ID, KEY, memoryStore, PLACE } from '../support/stores/memory-dataset.ts'
import { temporaryDirectory, withMethods, write } from '../support/stores/stores.ts'

const PRIVATE_ID = '77777777-7e85-11e6-904c-002590f97d84'
const PRIVATE = '777/77777-7e85-11e6-904c-002590f97d84'
const NOWHERE_ID = '88888888-7e85-11e6-904c-002590f97d84'
const NOWHERE = '888/88888-7e85-11e6-904c-002590f97d84'

const ALL = makeToken(['*'], new Date(), undefined)
const SOME = makeToken(['~open'], new Date(), undefined)
const OVER = makeToken(['*'], new Date(0), 1000)

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let file: string
let store: Store
let calls: string[]
let served: ServedStore

beforeEach(async () => {
  directory = await temporaryDirectory()
  file = join(directory.path, 'access.json')
  store = await memoryStore()
  await write(store, PLACE, 'the content of the key')
  await commitFiles(store, DIRECTORY, { 'README.md': '# Open\n' })
  await write(store, `${PRIVATE}/ria-layout-version`, '2\n')
  await write(store, PLACE.replace(DIRECTORY, PRIVATE), 'the content of the key')
  await commitFiles(store, PRIVATE, { 'README.md': '# Secret study\n' })
  await write(store, aliasFile('open'), `${DIRECTORY}\n`)
  await write(store, aliasFile('secret'), `${PRIVATE}\n`)
  await rule({})
  await serve()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await served.close()
  await directory.remove()
})

async function rule(rules: Partial<AccessRules>): Promise<void> {
  const tokens = { all: ALL.stored, some: SOME.stored, over: OVER.stored }
  await writeFile(file, JSON.stringify({ public: [], users: { alice: ['secret'] }, tokens, ...rules }))
}

async function serve(options: Partial<ServeOptions> = {}): Promise<void> {
  await served?.close()
  calls = []
  const noted = withMethods(store, {
    stat: (path, call) => {
      calls.push(path)
      return store.stat(path, call)
    },
    statAll: (paths, call) => {
      calls.push(...paths)
      return store.statAll(paths, call)
    },
    get: (path, consume, call) => {
      calls.push(path)
      return store.get(path, consume, call)
    },
  })
  served = await serveStore(noted, { accessFile: file, ...options })
}

const by = (token: string) => ({ Authorization: `Bearer ${token}` })

/** All places at which something of a dataset may be looked for. */
const places = (id: string, at: string, alias: string) => [
  `/d/${id}/HEAD/README.md`,
  `/d/${id}/`,
  `/d/${alias}/HEAD/`,
  `/d/~${alias}/main/README.md`,
  `/${at}/ria-layout-version`,
  `/${at}/info/refs`,
  `/${at}/config`,
  `/${at}/annex/objects/W8/p2/${KEY}/${KEY}`,
  `/alias/${alias}/HEAD`,
  `/alias/${alias}/annex/objects/W8/p2/${KEY}/${KEY}`,
]

describe('a dataset that is not for who asks', () => {
  test('is told from none by no answer and no look at the store, and never as absent', async () => {
    // What is believed for a while is looked up again when that is over, whatever is asked for.
    vi.spyOn(performance, 'now').mockReturnValue(performance.now())
    for (const [token, status] of [
      [SOME.token, 403],
      [undefined, 401],
    ] as const) {
      const headers = token === undefined ? {} : by(token)
      const answers = async (paths: readonly string[]) => {
        const found: unknown[] = []
        for (const path of paths) {
          for (const method of ['GET', 'HEAD', ...(path.startsWith('/d/') ? ['PROPFIND'] : [])]) {
            const { headers: got, ...answer } = await served.ask(path, { ...headers, method, Depth: '1' })
            const { date, ...told } = got
            expect(answer.status, `${method} ${path}`).toBe(status)
            found.push({ ...answer, told })
          }
        }
        return found
      }
      // Who may see what is looked up once for all that a reader asks.
      if (token !== undefined) await served.ask(`/d/open/HEAD/README.md`, headers)
      calls = []
      const secret = await answers(places(PRIVATE_ID, PRIVATE, 'secret'))
      expect(calls.filter((path) => path.includes(PRIVATE))).toEqual([])
      expect(secret).toEqual(await answers(places(NOWHERE_ID, NOWHERE, 'nowhere')))
    }
  })

  test('is in no list', async () => {
    for (const [path, options] of [
      ['/', {}],
      ['/?format=json', {}],
      ['/d/', { method: 'PROPFIND', Depth: '1' }],
    ] as const) {
      const some = await served.ask(path, { ...by(SOME.token), ...options })
      expect(some.body, path).toContain(ID)
      expect(some.body, path).not.toMatch(new RegExp(`${PRIVATE_ID}|secret`, 'i'))
      expect((await served.ask(path, { ...by(ALL.token), ...options })).body).toContain(PRIVATE_ID)
      expect((await served.ask(path, options)).status).toBe(401)
    }
  })

  test('and is shown when it is, by id and by alias', async () => {
    for (const path of places(ID, DIRECTORY, 'open').filter((each) => !each.endsWith('/config'))) {
      expect([200, 308], path).toContain((await served.ask(path, by(SOME.token))).status)
    }
    for (const path of places(NOWHERE_ID, NOWHERE, 'nowhere').filter((each) => !each.includes('alias'))) {
      expect((await served.ask(path, by(ALL.token))).status, path).toBe(404)
    }
  })
})

describe('a token', () => {
  test('is good as a bearer and as a password, until it expires or is revoked', async () => {
    const password = Buffer.from(`anybody:${ALL.token}`).toString('base64')
    for (const value of [`Bearer ${ALL.token}`, `Basic ${password}`]) {
      expect((await served.ask('/', { Authorization: value })).status).toBe(200)
    }
    for (const value of [`Bearer ${OVER.token}`, `Bearer ${ALL.stored.hash}`, 'Bearer x', 'Basic !', 'Digest x']) {
      const { status, headers } = await served.ask('/', { Authorization: value })
      expect([status, headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Basic /)])
    }
    await rule({ tokens: {} })
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 1_001)
    expect((await served.ask('/', by(ALL.token))).status).toBe(401)
  })

  test('is in no line of the log, which says whose it is', async () => {
    await served.ask(`/d/open/HEAD/README.md?token=${SOME.token}`, by(SOME.token))
    await expect.poll(() => served.log.length).toBeGreaterThan(0)
    expect(served.log.at(-1)).toMatchObject({ user: 'token:some', target: '/d/open/HEAD/README.md', bytes: 7 })
    expect(JSON.stringify(served.log)).not.toContain(SOME.token)
  })
})

describe('a proxy in front', () => {
  const asked = { 'X-Remote-User': 'alice', 'X-Forwarded-For': '198.51.100.1, 203.0.113.9' }

  test('says who asks, and from where', async () => {
    await serve({ proxies: parseProxies(['127.0.0.0/8']), identityHeader: 'x-remote-user' })
    expect((await served.ask('/d/secret/HEAD/README.md', asked)).body).toBe('# Secret study\n')
    expect((await served.ask('/d/open/HEAD/README.md', asked)).status).toBe(403)
    expect((await served.ask('/d/secret/HEAD/README.md', { 'X-Remote-User': 'bob' })).status).toBe(403)
    await expect.poll(() => served.log[0]).toMatchObject({ user: 'alice', client: '203.0.113.9' })
  })

  test('is believed only at the address that was named', async () => {
    for (const proxies of [undefined, parseProxies(['10.0.0.0/8', '::1'])]) {
      await serve({ proxies, identityHeader: 'x-remote-user' })
      expect((await served.ask('/d/secret/HEAD/README.md', asked)).status).toBe(401)
      await expect.poll(() => served.log[0]).toMatchObject({ client: '127.0.0.1' })
    }
    expect(() => parseProxies(['proxy.example.org'])).toThrow(/no address of a proxy/)
    expect(() => parseProxies(['10.0.0.0/64'])).toThrow(/no address of a proxy/)
  })

  test('that passes on what a client said besides is not believed', async () => {
    await serve({ proxies: parseProxies(['127.0.0.1']), identityHeader: 'x-remote-user' })
    expect((await served.ask('/d/secret/HEAD/README.md', { 'X-Remote-User': 'bob, alice' })).status).toBe(401)
  })
})

test('everybody reads what is public, and nobody anything while the rules cannot be read', async () => {
  await rule({ public: ['open'] })
  await serve()
  expect((await served.ask('/d/open/HEAD/README.md')).status).toBe(200)
  expect((await served.ask('/d/secret/HEAD/README.md')).status).toBe(401)
  await writeFile(file, '{"public": ["*"], "publik": []}')
  await serve()
  expect((await served.ask('/d/open/HEAD/README.md')).status).toBe(503)
  await rm(file)
  await serve()
  expect((await served.ask('/', by(ALL.token))).status).toBe(503)
})

describe('limits of each client', () => {
  test('say when to ask again, and leave others alone', async () => {
    await rule({ public: ['*'] })
    await serve({ limits: { requestsPerMinute: 2 } })
    expect((await served.ask('/healthz')).status).toBe(200)
    expect((await served.ask('/healthz')).status).toBe(200)
    const { status, headers } = await served.ask('/healthz')
    expect([status, Number(headers['retry-after'])]).toEqual([429, expect.toSatisfy((s) => s >= 1 && s <= 30)])
    expect((await served.ask('/healthz', by(ALL.token))).status).toBe(200)
  })

  test('let bytes through at a rate that all requests of a client share, small answers among them', async () => {
    const content = randomBytes(256 * 1024)
    const key = `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`
    const place = keyPaths(DIRECTORY, '2', key)[0] ?? ''
    await write(store, place, content)
    await rule({ public: ['*'] })
    const since = async (ask: () => Promise<unknown>) => {
      const start = performance.now()
      await ask()
      return performance.now() - start
    }
    // At least so long, however slow this machine is. The last piece is sent at once.
    await serve({ limits: { bytesPerSecond: 1024 * 1024 } })
    const large = async () => expect((await served.ask(`/${place}`)).bytes.equals(content)).toBe(true)
    expect(await since(large)).toBeGreaterThan(180)
    await serve({ limits: { bytesPerSecond: 100 } })
    const small = async () => {
      for (const path of ['/healthz', `/${PLACE}`, '/healthz']) expect((await served.ask(path)).status).toBe(200)
    }
    expect(await since(small)).toBeGreaterThan(240)
  })

  test('count requests at once, and forget those that ended', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await served.close()
    const slow = withMethods(store, { stat: (path, call) => held.then(() => store.stat(path, call)) })
    served = await serveStore(slow, { limits: { connections: 1 } })
    const first = served.ask('/ria-layout-version')
    await expect.poll(async () => (await served.ask('/healthz')).status).toBe(429)
    release()
    expect((await first).status).toBe(200)
    await expect.poll(async () => (await served.ask('/healthz')).status).toBe(200)
  })
})

test('metrics count what was answered, for those who may read everything', async () => {
  await served.ask('/', by(ALL.token))
  const { body, headers } = await served.ask('/metrics', by(ALL.token))
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(body).toMatch(/^riastore_serve_requests_total\{status="200"\} 1$/m)
  expect(body).toMatch(/^riastore_serve_requests_under_way 1$/m)
  expect(body).not.toContain(ID)
  expect((await served.ask('/metrics', by(SOME.token))).status).toBe(403)
  expect((await served.ask('//metrics', by(SOME.token))).status).toBe(403)
  expect((await served.ask('/metrics')).status).toBe(401)
})
