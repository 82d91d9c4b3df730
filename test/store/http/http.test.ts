import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { nobodysNeighbour } from '../../../src/store/http/guard.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import type { Store } from '../../../src/store/store.ts'
import { withRetry } from '../../../src/store/wrappers/retry.ts'
import { withWatchdog } from '../../../src/store/wrappers/watchdog.ts'
import { startWebServer, type WebServer } from '../../support/servers/web-server.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { read, temporaryDirectory } from '../../support/stores/stores.ts'

const BYTES = content(300_000)

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: WebServer
let store: Store

beforeAll(async () => {
  directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'annex'))
  await writeFile(join(directory.path, 'file'), BYTES)
  await writeFile(join(directory.path, 'empty'), '')
  server = await startWebServer(directory.path)
})
afterAll(async () => {
  await server.close()
  await directory.remove()
})
beforeEach(() => {
  server.reset()
  store = openHttpStore({ url: server.url })
})
afterEach(() => store.close())

const host = () => new URL(server.url).host

/** The requests for files, without those for a file that nobody has. */
const asked = () => server.requests.filter(({ url }) => !/[0-9a-f]{32}/.test(url))

describe('the http store and the status of an answer', () => {
  it.each([404, 410])('takes %i for the proof that a file is absent', async (status) => {
    server.behave('/file', { status })
    expect(await store.stat('file')).toBeUndefined()
    await expect(read(store, 'file')).rejects.toMatchObject({ kind: 'missing' })
  })

  const failures = [
    ...[401, 403, 407, 511].map((status) => [status, 'denied'] as const),
    ...[408, 425, 429, 500, 502, 503, 504].map((status) => [status, 'transient'] as const),
    ...[204, 300, 304, 400, 402, 406, 414, 418, 451, 505, 599].map((status) => [status, 'unsupported'] as const),
  ]
  it.each(failures)('never takes %i for absence: it is `%s`, and the message says what came', async (status, kind) => {
    server.behave('/file', { status })
    const reason = expect.stringContaining(`${host()} answered ${status}`)
    await expect(store.stat('file')).rejects.toMatchObject({ kind, reason, where: `${server.url}/file` })
    await expect(read(store, 'file')).rejects.toMatchObject({ kind, reason })
  })

  it('finds a directory absent, to which the server redirects with a slash', async () => {
    expect(await store.stat('annex')).toBeUndefined()
    await expect(read(store, 'annex')).rejects.toMatchObject({ kind: 'missing' })
    expect(asked().map(({ url }) => url)).toEqual(['/annex', '/annex'])
  })
})

describe('the http store and stat', () => {
  it.each([405, 501])(
    'asks for the first byte of a file when HEAD is answered with %i, and remembers',
    async (status) => {
      server.behave(/./, { methods: ['HEAD'], status })
      const stat = await store.stat('file')
      expect(stat?.size).toBe(BYTES.length)
      expect((await store.stat('empty'))?.size).toBe(0)
      expect(await store.stat('other')).toBeUndefined()
      expect(await store.stat('annex')).toBeUndefined()
      expect(asked().map(({ method }) => method)).toEqual(['HEAD', 'GET', 'GET', 'GET', 'GET'])
      expect(asked()[1]?.headers.range).toBe('bytes=0-0')
    },
  )

  it.each([400, 403, 405])('asks for the first byte where HEAD is answered with %i and GET is not', async (status) => {
    server.behave(/./, { methods: ['HEAD'], status })
    expect((await store.stat('file'))?.size).toBe(BYTES.length)
    expect(await store.stat('other')).toBeUndefined()
    expect(asked().map(({ method }) => method)).toEqual(['HEAD', 'GET', 'GET'])
  })

  it('asks for the first byte when HEAD does not say the length', async () => {
    server.behave('/file', { methods: ['HEAD'], without: ['content-length'] })
    expect((await store.stat('file'))?.size).toBe(BYTES.length)
  })

  it('says so when the server never tells the length', async () => {
    server.behave('/file', { without: ['content-length'], ignoreRange: true })
    await expect(store.stat('file')).rejects.toMatchObject({
      kind: 'unsupported',
      reason: expect.stringMatching(/does not say how long the file is \(HTTP\/1.1 without a Content-Length\)/),
    })
    await expect(read(store, 'file')).rejects.toMatchObject({ kind: 'unsupported', reason: /does not say how long/ })
  })

  it('takes the time and the size for the identity when there is no ETag', async () => {
    server.behave('/file', { without: ['etag'] })
    const stat = await store.stat('file')
    expect(stat?.identity).toContain(String(BYTES.length))
    expect(stat?.mtimeMs).toBeGreaterThan(0)
    expect(await read(store, 'file', { ifMatch: stat?.identity ?? '' })).toHaveLength(BYTES.length)
    server.behave('/file', { without: ['etag', 'last-modified'] })
    expect(await store.stat('file')).toMatchObject({ mtimeMs: undefined })
  })
})

describe('the http store and a server that shows a page for what it has not', () => {
  const SIZELESS = 'annex/GPGHMACSHA1--0123456789'
  const unread = async () => expect.fail('the page was delivered')

  const expectNothingProven = async (path: string, kind = 'unsupported') => {
    const reason = expect.stringMatching(new RegExp(`^${host()} answers \\d+.* for a file that nobody has`))
    const failure = { kind, reason, where: `${server.url}/${path}` }
    await expect(store.stat(path)).rejects.toMatchObject(failure)
    await expect(store.get(path, unread)).rejects.toMatchObject(failure)
    await expect(store.get(path, unread, { range: { start: 2 } })).rejects.toMatchObject(failure)
  }

  it.each([
    ['a page', {}],
    ['a page without a type', { without: ['content-type'] }],
    ['a page that calls itself a file', { headers: { 'content-type': 'application/octet-stream' } }],
    ['a page as a part', { status: 206, headers: { 'content-range': 'bytes 0-10/11', etag: '"1"' } }],
  ])('proves nothing by %s, and delivers none', async (_name, behaviour) => {
    server.behave(/./, { page: 'hello world', ...behaviour })
    await expectNothingProven(SIZELESS)
    await expectNothingProven('annex/MD5E-s11--0123456789.nii.gz')
  })

  it('proves nothing by a page that comes only for what is not there, and says what the server does', async () => {
    server.behave(/./, { pageIfAbsent: '<html>welcome</html>' })
    await expectNothingProven(SIZELESS)
    await expect(store.stat('file')).rejects.toMatchObject({ reason: expect.stringContaining('200 (text/html)') })
    server.behave(/.*/, { pageIfAbsent: '', headers: { 'content-type': '' } })
    await expectNothingProven('annex/MD5E-s0--d41d8.dat')
  })

  it.each([
    ['names without an extension', /\/[^./]+$/, SIZELESS, 'annex/x.dat'],
    ['names with the same extension', /\.dat$/, 'annex/x.dat', SIZELESS],
    ['HEAD', /./, SIZELESS, undefined],
    ['one directory', /^\/annex\//, SIZELESS, 'other'],
  ])('notices one that does so for %s only', async (name, path, shown, told) => {
    server.behave(path, { page: 'a page', ...(name === 'HEAD' && { methods: ['HEAD'] }) })
    await expect(store.stat(shown)).rejects.toMatchObject({ kind: 'unsupported' })
    if (told !== undefined) expect(await store.stat(told)).toBeUndefined()
  })

  it('notices one that does so from now on', async () => {
    expect((await store.stat('file'))?.size).toBe(BYTES.length)
    expect(await store.stat(SIZELESS)).toBeUndefined()
    server.behave(/./, { pageIfAbsent: 'log in' })
    await expectNothingProven(SIZELESS)
    await expectNothingProven('file')
    server.reset()
    expect((await store.stat('file'))?.size).toBe(BYTES.length)
  })

  it('asks for another name each time, like that of the file', async () => {
    await store.stat('file')
    await read(store, 'file')
    const probes = server.requests.filter((request) => !asked().includes(request))
    expect(probes.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
    expect(new Set(probes.map(({ url }) => url)).size).toBe(2)
    for (const path of ['a/b/MD5E-s10--0123456789abcdef0123456789abcdef.nii.gz', 'a/ü\udcff', '.x', 'archive.7z']) {
      const name = nobodysNeighbour(path)
      expect(name).not.toBe(path)
      expect(name.replace(/[^/]*$/, '')).toBe(path.replace(/[^/]*$/, ''))
      expect(/^[^.]*(.*)$/.exec(name.slice(1))?.[1]).toBe(/^[^.]*(.*)$/.exec(path.slice(1))?.[1])
    }
    expect(nobodysNeighbour('a/MD5E-s10--0123456789abcdef0123456789abcdef.nii.gz')).toHaveLength(51)
  })

  it.each([401, 403, 451])(
    'finds nothing present where it answers %i for what is not there, but reads',
    async (status) => {
      server.behave(/[0-9a-f]{32}/, { status })
      const reason = expect.stringContaining(`${status} for a file that nobody has: only 404 or 410 would prove`)
      await expect(store.stat('file')).rejects.toMatchObject({ reason })
      expect(await read(store, 'file')).toHaveLength(BYTES.length)
    },
  )

  it('tries again later where the server cannot say it now', async () => {
    server.behave(/[0-9a-f]{32}/, { status: 503 })
    await expect(store.stat('file')).rejects.toMatchObject({ kind: 'transient' })
    await expect(read(store, 'file')).rejects.toMatchObject({ kind: 'transient' })
  })

  it('reads the parts of a file that was found by its identity without asking for nothing', async () => {
    const stat = await store.stat('file')
    server.reset()
    await read(store, 'file', { range: { start: 5, end: 10 }, ifMatch: stat?.identity ?? '' })
    expect(server.requests).toHaveLength(1)
  })
})

describe('the http store and the bytes of a file', () => {
  it('asks for unpacked bytes, and takes what comes as it is', async () => {
    const packed = gzipSync('the bytes of a .nii.gz are packed, and stay so')
    await writeFile(join(directory.path, 'scan.nii.gz'), packed)
    server.behave('/scan.nii.gz', { headers: { 'content-encoding': 'x-gzip' } })
    expect((await read(store, 'scan.nii.gz')).equals(packed)).toBe(true)
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  it('takes the part that it wants from a server that ignores ranges', async () => {
    server.behave('/file', { ignoreRange: true })
    const bytes = await read(store, 'file', { range: { start: 100_000, end: 200_000 } })
    expect(bytes.equals(BYTES.subarray(100_000, 200_000))).toBe(true)
    const progress: number[] = []
    const onProgress = (length: number) => progress.push(length)
    const rest = await read(store, 'file', { range: { start: 250_000 }, onProgress })
    expect(rest.equals(BYTES.subarray(250_000))).toBe(true)
    expect(progress[0]).toBe(0) // what it skips is progress, too: the server is not silent
  })

  it.each([0, 1, 100_000, 299_999])('is `unreachable` when the connection ends after %i bytes', async (cutAfter) => {
    server.behave('/file', { cutAfter })
    let length = 0
    const get = store.get('file', async (bytes) => {
      for await (const chunk of bytes) length += chunk.length
    })
    await expect(get).rejects.toMatchObject({ kind: 'unreachable', where: `${server.url}/file` })
    expect(length).toBeLessThanOrEqual(cutAfter)
  })

  it('fails when the connection ends early though the consumer keeps that to itself', async () => {
    server.behave('/file', { cutAfter: 1000 })
    const get = store.get('file', async (bytes) => {
      try {
        for await (const _ of bytes);
      } catch {}
    })
    await expect(get).rejects.toMatchObject({ kind: 'unreachable' })
  })

  it('is `unreachable` when less comes than Content-Length says, for that looks like a cut', async () => {
    server.behave('/file', { contentLength: BYTES.length + 1, cutAfter: BYTES.length })
    await expect(read(store, 'file')).rejects.toMatchObject({ kind: 'unreachable' })
  })

  it('is `corrupt` when the server sends other bytes than were asked for', async () => {
    const range = { start: 100, end: 200 }
    for (const contentRange of ['bytes 0-99/300000', 'bytes 100-149/300000', 'bytes 100-199/150', 'pages 1-2/3', '']) {
      server.behave('/file', { headers: { 'content-range': contentRange } })
      await expect(read(store, 'file', { range }), contentRange).rejects.toMatchObject({ kind: 'corrupt' })
    }
    server.behave('/file', { contentLength: 99, cutAfter: 99 })
    await expect(read(store, 'file', { range })).rejects.toMatchObject({ kind: 'corrupt' })
    server.behave('/file', { without: ['content-length'], headers: { 'content-range': 'bytes 100-299/300000' } })
    await expect(read(store, 'file', { range: { start: 100, end: 300 } })).resolves.toHaveLength(200)
    await expect(read(store, 'file', { range: { start: 100, end: 301 } })).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('asks for the length of a file whose part came without it', async () => {
    server.behave('/file', { methods: ['GET'], headers: { 'content-range': 'bytes 100-199/*' } })
    const bytes = await read(store, 'file', { range: { start: 100, end: 200 } })
    expect(bytes.equals(BYTES.subarray(100, 200))).toBe(true)
  })

  it('reads one after the other over the same few connections, also after absent files and errors', async () => {
    const before = server.connections
    await read(store, 'file')
    await store.stat('file')
    await store.stat('other')
    await read(store, 'other').catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20)) // nobody waits for the end of an unwanted body
    for (let i = 0; i < 5; i++) await read(store, 'file', { range: { start: 10, end: 20 } })
    await read(store, 'empty')
    expect(server.connections - before).toBeLessThan(server.requests.length / 2)
  })
})

describe('the http store and a server that compresses what it sends', () => {
  it('asks for a file as for a part of it, which comes as it is', async () => {
    server.behave(/./, { packs: 'wholes' })
    expect((await store.stat('file'))?.size).toBe(BYTES.length)
    expect((await read(store, 'file')).equals(BYTES)).toBe(true)
    expect(await read(store, 'file', { range: { start: 7, end: 9 } })).toHaveLength(2)
    expect(await read(store, 'empty')).toHaveLength(0)
  })

  it('says so by name when a part comes compressed, too: the file is neither damaged nor there', async () => {
    server.behave(/./, { packs: 'parts too' })
    const failure = {
      kind: 'unsupported',
      reason: `${host()} compresses what it sends (Content-Encoding: gzip), though it was asked not to`,
    }
    await expect(store.stat('file')).rejects.toMatchObject(failure)
    await expect(read(store, 'file')).rejects.toMatchObject(failure)
    await expect(read(store, 'file', { range: { start: 7, end: 9 } })).rejects.toMatchObject(failure)
    expect(await store.stat('other')).toBeUndefined()
  })

  it('has doubts about the length of a file that is packed by its name', async () => {
    await writeFile(join(directory.path, 'scan.nii.gz'), gzipSync('a scan'))
    server.behave(/./, { packs: 'parts too' })
    const doubt = expect.stringContaining(`${host()} compresses what it sends`)
    expect(await store.stat('scan.nii.gz')).toMatchObject({ doubt })
    const start = 1_000_000
    await expect(read(store, 'scan.nii.gz', { range: { start } })).rejects.toMatchObject({ kind: 'unsupported' })
    server.reset()
    expect(await store.stat('scan.nii.gz')).not.toHaveProperty('doubt')
  })
})

describe('the http store and a file behind several mirrors', () => {
  const DAY_MS = 24 * 3600 * 1000
  const at = (ms: number) => new Date(ms).toUTCString()
  const now = Date.now()
  const mirror = (etag: string, changedMs: number, size = BYTES.length) => {
    const headers = { etag, 'last-modified': at(changedMs), date: at(now), 'content-length': String(size) }
    server.behave('/file', { methods: ['HEAD'], headers })
    const { 'content-length': _length, ...others } = headers
    server.behave('/file', { methods: ['GET'], headers: others })
  }
  const readAs = (identity: string | undefined) =>
    read(store, 'file', { range: { start: 1, end: 9 }, ifMatch: identity ?? '' })

  it('is the same by an ETag that a proxy marked as weak', async () => {
    mirror('"a"', now)
    const identity = (await store.stat('file'))?.identity
    mirror('W/"a"', now)
    expect((await store.stat('file'))?.identity).toBe(identity)
    expect(await readAs(identity)).toHaveLength(8)
  })

  it('is the same by its time and length when that time was long ago, whatever the ETag', async () => {
    mirror('"a"', now - DAY_MS)
    const identity = (await store.stat('file'))?.identity
    for (const etag of ['"b"', '"a"', 'W/"c"']) {
      mirror(etag, now - DAY_MS)
      expect((await store.stat('file'))?.identity).toBe(identity)
      expect(await readAs(identity)).toHaveLength(8)
    }
  })

  it.each([
    ['it was changed later', now - DAY_MS, now - DAY_MS + 1000, BYTES.length],
    ['it has another length', now - DAY_MS, now - DAY_MS, BYTES.length + 1],
    ['it was changed a moment before it was seen', now - 1000, now - 1000, BYTES.length],
  ])('is another when its ETag is, and %s', async (_why, before, after, size) => {
    mirror('"a"', before)
    const identity = (await store.stat('file'))?.identity
    mirror('"b"', after, size)
    expect((await store.stat('file'))?.identity).not.toBe(identity)
    await expect(readAs(identity)).rejects.toMatchObject({ kind: 'conflict' })
  })
})

describe('the http store and redirects', () => {
  let other: WebServer
  let otherDirectory: typeof directory
  beforeAll(async () => {
    otherDirectory = await temporaryDirectory()
    await writeFile(join(otherDirectory.path, 'elsewhere'), 'elsewhere')
    other = await startWebServer(otherDirectory.path)
  })
  afterAll(async () => {
    await other.close()
    await otherDirectory.remove()
  })

  it.each([301, 302, 303, 307, 308])('follows %i, on the same host and to another', async (status) => {
    server.behave('/here', { status, redirect: 'file' })
    server.behave('/there', { status, redirect: `${other.url}/elsewhere` })
    expect((await store.stat('here'))?.size).toBe(BYTES.length)
    expect((await read(store, 'there')).toString()).toBe('elsewhere')
    const part = await read(store, 'there', { range: { start: 4 } })
    expect(part.toString()).toBe('where')
  })

  it('sends credentials to its own server only, and shows them nowhere', async () => {
    const url = server.url.replace('//', '//user:p%40ss%C3%BC@')
    const secret = openHttpStore({ url })
    other.reset()
    server.behave('/there', { redirect: `${other.url.replace('//', '//thief:x@')}/elsewhere` })
    await secret.stat('file')
    expect((await read(secret, 'there')).toString()).toBe('elsewhere')
    const sent = server.requests.map(({ headers }) => headers.authorization)
    expect(new Set(sent)).toEqual(new Set([`Basic ${Buffer.from('user:p@ssü').toString('base64')}`]))
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined])
    server.behave('/denied', { status: 401 })
    const error = await secret.stat('denied').catch((error: unknown) => error)
    expect(`${secret.traits.root} ${String(error)} ${JSON.stringify(error)}`).not.toMatch(/user|p@ss|p%40ss/)
    expect(secret.traits.root).toBe(server.url)
    await secret.close()
  })

  it('gives up a redirect that never ends, leads nowhere or is no web address', async () => {
    server.behave('/loop', { redirect: '/loop' })
    server.behave('/nowhere', { redirect: 'http://[' })
    server.behave('/unnamed', { status: 302 })
    server.behave('/disk', { redirect: 'file:///etc/passwd' })
    for (const path of ['loop', 'nowhere', 'unnamed', 'disk']) {
      await expect(store.stat(path), path).rejects.toMatchObject({ kind: 'unsupported' })
    }
  })

  it('names the host that it was sent to when that cannot be reached, but no secrets of the address', async () => {
    server.behave('/gone', { redirect: 'http://no-such-host.invalid/x?token=SECRET' })
    const error = await store.stat('gone').catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: 'unreachable', where: `${server.url}/gone` })
    expect(String(error)).toContain('no-such-host.invalid')
    expect(String(error)).not.toContain('SECRET')
  })

  it('does not take a login page for a file', async () => {
    server.behave('/login', { page: '<html>Please log in</html>' })
    server.behave(/^\/MD5E-/, { redirect: '/login' })
    await expect(store.stat('MD5E-s1--x.dat')).rejects.toMatchObject({ kind: 'denied', reason: /login/ })
    await expect(read(store, 'MD5E-s1--x.dat')).rejects.toMatchObject({ kind: 'denied' })
    expect((await store.stat('MD5E-s1--x.html'))?.size).toBe(26)
  })
})

describe('the http store and a server that cannot be reached', () => {
  it('is `unreachable`, with the host named, and nothing was sent', async () => {
    const unused = await startWebServer(directory.path)
    await unused.close()
    for (const url of [unused.url, 'http://no-such-host.invalid/store']) {
      const gone = openHttpStore({ url })
      const error = await gone.stat('file').catch((error: unknown) => error)
      expect(error).toMatchObject({ kind: 'unreachable', sent: 'no', where: `${url}/file` })
      expect((error as Error).message).toContain(`cannot reach ${new URL(url).host}: `)
      await expect(read(gone, 'file')).rejects.toMatchObject({ kind: 'unreachable', sent: 'no' })
      await gone.close()
    }
  })

  /** Answers every connection with the same bytes, whatever it says. */
  const startTalker = async (bytes: string): Promise<{ port: number; talker: Server }> => {
    const talker = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(bytes))
    })
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve))
    return { port: (talker.address() as { port: number }).port, talker }
  }

  it.each([
    ['closes the connection without an answer', 'http', ''],
    ['speaks no HTTP', 'http', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['speaks no TLS', 'https', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('is `unreachable` when it %s', async (_name, scheme, bytes) => {
    const { port, talker } = await startTalker(bytes)
    const odd = openHttpStore({ url: `${scheme}://127.0.0.1:${port}` })
    const error = await odd.stat('file').catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: 'unreachable' })
    expect((error as Error).message).toContain(`127.0.0.1:${port}`)
    await odd.close()
    talker.close()
  })

  it('ends a request that is not answered, or not to its end, when it is aborted', async () => {
    server.behave('/silent', { stallAfter: -1 })
    server.behave('/file', { stallAfter: 50_000 })
    const calls = [
      (signal: AbortSignal) => store.stat('silent', { signal }),
      (signal: AbortSignal) => read(store, 'silent', { signal }),
      (signal: AbortSignal) => read(store, 'file', { signal }),
    ]
    for (const [i, call] of calls.entries()) {
      const stop = new AbortController()
      const ended = call(stop.signal).catch((error: unknown) => error)
      await expect.poll(() => asked().length).toBe(i + 1)
      stop.abort()
      expect(await ended).toMatchObject({ kind: 'aborted' })
    }
  })

  it('ends requests under way when it is closed', async () => {
    server.behave('/silent', { stallAfter: -1 })
    server.behave('/file', { stallAfter: 50_000 })
    const calls = [store.stat('silent'), read(store, 'file')].map((call) => call.catch((error: unknown) => error))
    await expect.poll(() => asked().length).toBe(calls.length)
    await store.close()
    for (const call of calls) expect(await call).toMatchObject({ kind: 'aborted', reason: 'the store is closed' })
  })
})

describe('the http store in the wrappers', () => {
  const compose = (stallMs: number) =>
    withRetry(withWatchdog(store, { stallMs }), { retries: 3, minDelayMs: 1, maxDelayMs: 5 })

  it('goes on with a download where the connection was cut', async () => {
    server.behave('/file', { cutAfter: 120_000, times: 1 })
    const parts: Buffer[] = []
    let length = 0
    const consume = async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const chunk of bytes) {
        parts.push(Buffer.from(chunk))
        length += chunk.length
      }
    }
    await compose(10_000).get('file', consume, { range: () => ({ start: length }) })
    expect(Buffer.concat(parts).equals(BYTES)).toBe(true)
    const [, again] = asked().map(({ headers }) => headers.range)
    expect(again).toMatch(/^bytes=[1-9]\d*-$/)
  })

  it('ends what a server leaves hanging, and does not try that again', async () => {
    server.behave('/silent', { stallAfter: -1 })
    server.behave('/file', { stallAfter: 50_000 })
    // Long enough for a busy machine to send a request.
    const watched = compose(1_000)
    const stalled = { kind: 'unreachable', stalled: true, reason: 'no progress for 1 s' }
    await expect(watched.stat('silent')).rejects.toMatchObject(stalled)
    await expect(read(watched, 'file')).rejects.toMatchObject(stalled)
    expect(asked()).toHaveLength(2)
  })
})

describe('openHttpStore', () => {
  it('takes a URL with or without a slash at its end, and encodes names byte by byte', async () => {
    const sub = openHttpStore({ url: `${server.url}/annex/objects/` })
    expect(sub.traits.root).toBe(`${server.url}/annex/objects`)
    await sub.stat('a b/ü%?#&+\udcff')
    expect(asked()[0]?.url).toBe('/annex/objects/a%20b/%C3%BC%25%3F%23%26%2B%FF')
    await sub.close()
  })

  it.each(['', 'no url', 'ftp://host/x', 'http://host/x?y', 'http://host/#x', 'http://u%zz:secret@host/'])(
    'refuses %j as a setting, without saying a password',
    (url) => {
      expect(() => openHttpStore({ url })).toThrow(ConfigError)
      expect(() => openHttpStore({ url })).not.toThrow(/secret/)
    },
  )
})
