import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { decode } from '../../src/core/text.ts'
import { keyPaths } from '../../src/ria/layout/paths.ts'
import type { Access, ServeOptions } from '../../src/serve/server.ts'
import type { Store } from '../../src/store/store.ts'
import { annexLink, annexPointer, commitFiles } from '../support/repos/memory-repository.ts'
import { type Answer, type ServedStore, serveStore } from '../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../support/stores/memory-dataset.ts'
import { withMethods, write } from '../support/stores/stores.ts'

const ABSENT_KEY = 'MD5E-s7--00000000000000000000000000000000.dat'

let store: Store
let served: ServedStore
let port: number
let log: readonly Access[]

async function serve(of: Store, options: Partial<ServeOptions> = {}): Promise<void> {
  await served?.close()
  served = await serveStore(of, options)
  ;({ port, log } = served)
}

const ask: ServedStore['ask'] = (...all) => served.ask(...all)

beforeEach(async () => {
  store = await memoryStore()
  await commitFiles(store, DIRECTORY, {
    'README.md': '# A study\n',
    'sub-01/x.dat': annexLink(KEY),
    'sub-01/y.dat': annexLink(ABSENT_KEY),
    'unlocked.txt': annexPointer(KEY),
    '<img src=x onerror=alert(1)>.html': '<script>alert(1)</script>',
  })
  await write(store, PLACE, CONTENT)
  await serve(store)
})
afterEach(() => served.close())

describe('a store as on a web server', () => {
  test('has layout files, and each key at its place, whole and in parts', async () => {
    expect(await ask('/ria-layout-version')).toMatchObject({ status: 200, body: '1\n' })
    expect(await ask(`/${DIRECTORY}/ria-layout-version`)).toMatchObject({ status: 200, body: '2\n' })
    const whole = await ask(`/${PLACE}`)
    expect(whole).toMatchObject({ status: 200, body: CONTENT.toString() })
    expect(whole.headers).toMatchObject({ 'content-length': '22', 'accept-ranges': 'bytes', etag: `"${KEY}"` })
    expect(await ask(`/${PLACE}`, { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '22' },
    })
    expect(await ask(`/${PLACE}`, { Range: 'bytes=4-10' })).toMatchObject({
      status: 206,
      body: 'content',
      headers: { 'content-range': 'bytes 4-10/22', 'content-length': '7' },
    })
    expect(await ask(`/${PLACE}`, { Range: 'bytes=-3' })).toMatchObject({ status: 206, body: 'key' })
    expect(await ask(`/${PLACE}`, { Range: 'bytes=22-' })).toMatchObject({ status: 416, body: '' })
    expect(await ask(`/${PLACE}`, { Range: 'bytes=4-10', 'If-Range': '"another"' })).toMatchObject({ status: 200 })
    expect(await ask(`/${PLACE}`, { 'If-None-Match': `"${KEY}"` })).toMatchObject({ status: 304, body: '' })
  })

  test('says 404 for a key only where it is proven absent', async () => {
    const absent = PLACE.replaceAll(KEY, KEY.replace('f5d0', '0000'))
    expect((await ask(`/${PLACE.replace('W8', 'W9')}`)).status).toBe(404)
    expect((await ask(`/${absent}`)).status).toBe(404)
    await store.remove(PLACE)
    expect((await ask(`/${PLACE}`)).status).toBe(404)
    expect((await ask(`/${PLACE}`, { method: 'HEAD' })).status).toBe(404)
    await store.remove('ria-layout-version')
    for (const path of [PLACE, 'ria-layout-version', `${DIRECTORY}/HEAD`, `000/${ID}/HEAD`]) {
      const { status, headers } = await ask(`/${path}`)
      expect([status, headers['retry-after']]).toEqual([503, '30'])
    }
  })

  test('says 503 where the store cannot be asked', async () => {
    const fail = async () => {
      throw new StoreError({ kind: 'unreachable', op: 'stat', where: 'store', message: 'no answer' })
    }
    await serve(withMethods(store, { stat: fail, statAll: fail, get: fail }))
    for (const path of ['/ria-layout-version', `/${PLACE}`, `/${DIRECTORY}/info/refs`, `/d/${ID}/HEAD/README.md`]) {
      expect((await ask(path)).status).toBe(503)
      expect((await ask(path, { method: 'HEAD' })).status).toBe(503)
    }
    expect(log[0]?.failure).toContain('no answer')
  })

  test('has a key at the place of either layout, for git-annex asks at that of the other first', async () => {
    const key = PLACE.split('/').at(-1) ?? ''
    for (const version of ['1', '2']) {
      const [place = ''] = keyPaths(DIRECTORY, version, key)
      expect(await ask(`/${place}`, { method: 'HEAD' }), place).toMatchObject({ status: 200 })
      expect((await ask(`/${place.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'))}`)).status).toBe(404)
    }
    expect((await ask(`/${DIRECTORY}/annex/objects/00/00/${key}/${key}`)).status).toBe(404)
  })

  test('never gives the end of a damaged key', async () => {
    await write(store, PLACE, CONTENT.toString().toUpperCase())
    const { status, body } = await ask(`/${PLACE}`)
    expect([status, body]).toEqual([502, expect.stringMatching(/damaged/)])
    const content = Buffer.alloc(1024 * 1024, 'a')
    const key = `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`
    const [place = ''] = keyPaths(DIRECTORY, '2', key)
    await write(store, place, content)
    expect(await ask(`/${place}`)).toMatchObject({ status: 200, broken: false })
    await write(store, place, Buffer.concat([content.subarray(1), Buffer.from('b')]))
    expect(await ask(`/${place}`)).toMatchObject({ broken: true })
    await write(store, place, 'too short')
    expect((await ask(`/${place}`, { method: 'HEAD' })).status).toBe(502)
  })

  test('shows what git needs, and nothing else that is there', async () => {
    expect((await ask(`/${DIRECTORY}/info/refs`)).body).toMatch(/^[0-9a-f]{40}\trefs\/heads\/main\n/)
    expect((await ask(`/${DIRECTORY}/HEAD`)).body).toBe('ref: refs/heads/main\n')
    for (const hidden of [
      'riastore/refs/1',
      'archives/archive.7z',
      'packed-refs',
      'hooks/post-update',
      'objects/info',
    ]) {
      expect((await ask(`/${DIRECTORY}/${hidden}`)).status).toBe(404)
    }
  })
})

describe('files by their paths', () => {
  test('come from git and from keys, with their types', async () => {
    const readme = await ask(`/d/${ID}/main/README.md`)
    expect(readme).toMatchObject({ status: 200, body: '# A study\n' })
    expect(await ask(`/d/${ID}/main/sub-01/x.dat`, { Range: 'bytes=0-2' })).toMatchObject({ status: 206, body: 'the' })
    const unlocked = await ask(`/d/${ID}/HEAD/unlocked.txt`)
    expect(unlocked).toMatchObject({ status: 200, body: CONTENT.toString() })
    expect(unlocked.headers['content-type']).toMatch(/^text\/plain/)
    expect(unlocked.headers['content-disposition']).toBe("inline; filename*=UTF-8''unlocked.txt")
    for (const none of ['main/sub-01/y.dat', 'main/nothing', 'other/README.md']) {
      expect((await ask(`/d/${ID}/${none}`)).status).toBe(404)
    }
    expect((await ask('/d/00000000-0000-0000-0000-000000000000/main/README.md')).status).toBe(404)
  })

  test('a directory is a page, and a list for programs', async () => {
    expect(await ask(`/d/${ID}/HEAD/sub-01`)).toMatchObject({ status: 308, headers: { location: './sub-01/' } })
    const page = await ask(`/d/${ID}/HEAD/sub-01/`)
    expect(page.body).toContain('<a href="./x.dat">x.dat</a>')
    expect(page.body).toContain('not in this store')
    const { body } = await ask(`/d/${ID}/HEAD/sub-01/?format=json`)
    expect(
      body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { path: 'sub-01/x.dat', kind: 'link', key: KEY, size: 22, present: true },
      { path: 'sub-01/y.dat', kind: 'link', key: ABSENT_KEY, size: 7, present: false },
    ])
    expect((await ask('/')).body).toContain(`<a href="d/${ID}/HEAD/">A study</a>`)
  })

  test('the top of a dataset leads to its newest commit, and what is above to the list of datasets', async () => {
    for (const top of [`/d/${ID}`, `/d/${ID}/`]) {
      expect(await ask(top)).toMatchObject({ status: 308, headers: { location: `/d/${ID}/HEAD/` } })
    }
    expect(await ask('/d/')).toMatchObject({ status: 308, headers: { location: '/' } })
  })

  test('a name that is no UTF-8 is listed, and leads to its file', async () => {
    const name = decode(Buffer.from('caf\xe9.txt', 'latin1'))
    const directory = decode(Buffer.from('d\xe9', 'latin1'))
    await commitFiles(store, DIRECTORY, { [name]: 'coffee', [`${directory}/x`]: 'y', 'z.txt': 'after it' })
    await serve(store)
    const { status, body, broken } = await ask(`/d/${ID}/HEAD/`)
    expect([status, broken, body]).toEqual([200, false, expect.stringContaining('href="./caf%E9.txt"')])
    expect(body).toContain('z.txt')
    expect(await ask(`/d/${ID}/HEAD/caf%E9.txt`)).toMatchObject({ status: 200, body: 'coffee' })
    expect((await ask(`/d/${ID}/HEAD/caf%E9.txt?view`)).body).toContain('coffee')
    expect(await ask(`/d/${ID}/HEAD/d%E9`)).toMatchObject({ status: 308, headers: { location: './d%E9/' } })
    expect((await ask(`/d/${ID}/HEAD/d%E9/`)).body).toContain('href="./x"')
    const listed = await ask(`/d/${ID}/HEAD/`, { method: 'PROPFIND', Depth: '1' })
    expect([listed.status, listed.body]).toEqual([207, expect.stringContaining('caf%E9.txt</')])
    expect((await ask(`/d/${ID}/HEAD/caf%E.txt`)).status).toBe(400)
  })

  test('text that is no Unicode does not keep a page from being shown', async () => {
    await commitFiles(store, DIRECTORY, { 'dataset_description.json': '{"DatasetDOI": "10.1234/\\ud800x"}' })
    expect(await ask(`/d/${ID}/HEAD/`)).toMatchObject({
      status: 200,
      body: expect.stringContaining('10.1234/%EF%BF%BDx'),
    })
  })

  test('nothing that a dataset says is a program in a page', async () => {
    const page = await ask(`/d/${ID}/HEAD/`)
    expect(page.body).not.toContain('<img')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    const file = await ask(`/d/${ID}/HEAD/${encodeURIComponent('<img src=x onerror=alert(1)>.html')}`)
    expect(file.body).toBe('<script>alert(1)</script>')
    expect(file.headers['content-security-policy']).toContain('sandbox')
    expect(file.headers['x-content-type-options']).toBe('nosniff')
  })
})

describe('WebDAV', () => {
  const find = (path: string, depth = '1') => ask(path, { method: 'PROPFIND', Depth: depth })
  const hrefs = ({ body }: Answer) => [...body.matchAll(/<href>(.*?)<\/href>/g)].map(([, href]) => href)

  test('tells datasets, their branches, and files with their lengths', async () => {
    expect(await ask('/d/', { method: 'OPTIONS' })).toMatchObject({ status: 200, headers: { dav: '1' } })
    expect(hrefs(await find('/d/'))).toEqual(['/d/', `/d/${ID}/`])
    expect(hrefs(await find(`/d/${ID}/`))).toEqual([`/d/${ID}/`, `/d/${ID}/HEAD/`, `/d/${ID}/main/`])
    const directory = await find(`/d/${ID}/main/sub-01/`)
    expect(directory.status).toBe(207)
    expect(hrefs(directory)).toEqual(['', 'x.dat', 'y.dat'].map((name) => `/d/${ID}/main/sub-01/${name}`))
    expect(directory.body).toContain('<getcontentlength>22</getcontentlength>')
    const file = await find(`/d/${ID}/main/sub-01/x.dat`, '0')
    expect(hrefs(file)).toEqual([`/d/${ID}/main/sub-01/x.dat`])
    expect(hrefs(await find(`/d/${ID}/main`, '0'))).toEqual([`/d/${ID}/main/`])
  })

  test('is never asked for all that there is, nor for what is not there', async () => {
    expect((await find(`/d/${ID}/main/`, 'infinity')).body).toContain('propfind-finite-depth')
    expect((await find(`/d/${ID}/main/nothing`)).status).toBe(404)
    expect((await find(`/d/${ID}/nothing/`)).status).toBe(404)
    expect((await find(`/${DIRECTORY}/`)).status).toBe(405)
  })

  test('a name of a file is no XML', async () => {
    const { body } = await find(`/d/${ID}/main/`)
    expect(body).not.toContain('<img')
    expect(body).toContain('<displayname>&lt;img src=x onerror=alert(1)&gt;.html</displayname>')
  })
})

describe('what is no request for a store', () => {
  test.each([
    '/../../etc/passwd',
    `/d/${ID}/HEAD/../../../etc/passwd`,
    `/${DIRECTORY}/annex/objects/%2e%2e/%2e%2e/config`,
    `/${DIRECTORY}/%2e%2e/ria-layout-version`,
    '/alias/..%2f..%2fetc/passwd',
    `/${DIRECTORY}/objects/pack/..%2f..%2fconfig`,
    '/%00/x/y',
    '/%zz/x/y',
  ])('%s leads nowhere', async (path) => {
    const { status, body } = await ask(path)
    expect([400, 404]).toContain(status)
    expect(body).not.toContain('root:')
    expect(body).not.toContain('secret')
  })

  test('nothing can be changed', async () => {
    for (const method of ['PUT', 'POST', 'DELETE', 'MKCOL', 'MOVE']) {
      expect(await ask(`/${PLACE}`, { method })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
      expect((await ask(`/d/${ID}/main/README.md`, { method })).status).toBe(405)
    }
  })

  test('a name that another site has given to this computer is refused, unless everybody may read', async () => {
    expect((await ask('/', { Host: 'evil.example.com' })).status).toBe(421)
    expect((await ask('/', { Host: `localhost:${port}` })).status).toBe(200)
    await serve(store, { hosts: undefined })
    expect((await ask('/', { Host: 'data.example.com' })).status).toBe(200)
  })

  test('two lengths of one request are refused', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.end(
      'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /d/ HTTP/1.1\r\n\r\n',
    )
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('each request is told of, with what was answered', async () => {
    await ask(`/d/${ID}/HEAD/README.md`)
    await expect
      .poll(() => log.at(-1))
      .toMatchObject({
        client: '127.0.0.1',
        method: 'GET',
        target: `/d/${ID}/HEAD/README.md`,
        status: 200,
      })
  })
})
