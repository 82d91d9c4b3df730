import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { markdownToHtml } from '../../src/serve/pages/markdown.ts'
import { openLocalStore } from '../../src/store/local/local.ts'
import { annexLink, commitFiles } from '../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../support/stores/memory-dataset.ts'
import { write } from '../support/stores/stores.ts'

let root: string
let served: ServedStore

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'riastore-hostile-'))
  // On a disk, so that what reads plain requests past node's server gets all of it, too.
  const store = openLocalStore({ root })
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, PLACE, CONTENT)
  await write(store, 'secret', 'root:x:0:0')
  await commitFiles(store, DIRECTORY, { 'README.md': '# A study\n', 'sub-01/x.dat': annexLink(KEY) })
  served = await serveStore(store)
})
afterAll(async () => {
  await served.close()
  await rm(root, { recursive: true, force: true })
})

/** Sends bytes, and gives all that comes until the server closes, or says nothing for long. */
async function talk(text: string): Promise<string> {
  const socket = connect(served.port, '127.0.0.1')
  socket.setTimeout(60_000, () => socket.destroy(new Error('the server neither answers nor closes')))
  socket.write(text, 'latin1') // and not its end: node answers nobody who is about to go
  let answer = ''
  for await (const chunk of socket) answer += (chunk as Buffer).toString('latin1')
  return answer
}

const statuses = (answer: string) => [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))

describe('what would be one request to a proxy and another to us', () => {
  const first = `GET /${PLACE} HTTP/1.1`
  const next = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
  test.each([
    ['two lengths', `${first}\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n${next}`],
    [
      'a length and chunks',
      `${first}\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${next}`,
    ],
    ['chunks by another name', `${first}\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${next}`],
    [
      'chunks that are not last',
      `${first}\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${next}`,
    ],
    ['a space before the colon', `${first}\r\nHost: localhost\r\nContent-Length : 5\r\n\r\nhello${next}`],
    ['a folded header', `${first}\r\nHost: localhost\r\nX: a\r\n Content-Length: 5\r\n\r\n${next}`],
    ['a signed length', `${first}\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello${next}`],
    [
      'a chunk of a negative length',
      `${first}\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${next}`,
    ],
    ['a lone line feed', `${first}\nHost: localhost\nContent-Length: 5\n\nhello${next}`],
    ['a zero byte in a header', `${first}\r\nHost: localhost\r\nX: a\0b\r\n\r\n${next}`],
    ['no host', `${first}\r\n\r\n${next}`],
    ['two hosts', `${first}\r\nHost: localhost\r\nHost: evil.example\r\n\r\n${next}`],
  ])('is refused, and nothing that follows it is answered: %s', async (_name, text) => {
    const answer = await talk(text)
    expect(answer).not.toContain('riastore_serve')
    expect(statuses(answer).filter((status) => status < 400)).toEqual([])
  })
})

describe('ranges that are none', () => {
  test.each([
    ['bytes=0-18446744073709551616', 206],
    ['bytes=99999999999999999999-', 416],
    ['bytes=-0', 416],
    ['bytes=5-1', 200],
    ['bytes=0-0,2-3', 200],
    ['bytes=a-b', 200],
    ['items=0-1', 200],
    [`bytes=${'0-1,'.repeat(1000)}0-1`, 200],
  ])('%s', async (range, status) => {
    const answer = await served.ask(`/${PLACE}`, { Range: range.slice(0, 8000) })
    expect(answer.status).toBe(status)
    if (status !== 416) expect(CONTENT.toString()).toContain(answer.body)
  })
})

/** Numbers that a seed gives, the same ones each time (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

test('whatever is asked for, in pieces of what is right and of what is not, gets an answer and leads nowhere', async () => {
  const seed = Number(process.env.RIASTORE_FUZZ_SEED ?? Date.now() % 2 ** 31)
  const random = randomFrom(seed)
  const pieces = [
    ...['/', '//', '..', '%2e%2e', '%2f', '%5c', '\\', '%00', '%', '%zz', '%c0%af', '~', '?', '&', '=', ';', ':', '@'],
    ...['d', ID, DIRECTORY, 'HEAD', 'main', 'alias', 'sub-01', 'x.dat', 'README.md', 'annex/objects', KEY, 'secret'],
    ...[
      '?view',
      '?archive=zip',
      '?archive=tar',
      '?history',
      '?format=json',
      '?q=a',
      'ria-layout-version',
      '%F0%9F',
      'ü',
    ],
  ]
  const methods = ['GET', 'HEAD', 'PROPFIND', 'OPTIONS', 'POST']
  const asked = Array.from({ length: 400 }, () => {
    const path = Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('')
    return { path: `/${encodeURI(path).replaceAll('%25', '%')}`, method: methods[random(methods.length)] ?? 'GET' }
  })
  for (const { path, method } of asked) {
    const { status, body } = await served.ask(path, { method, Depth: String(random(2)) })
    const told = `${method} ${path} (RIASTORE_FUZZ_SEED=${seed})`
    expect([200, 207, 206, 308, 400, 403, 404, 405], told).toContain(status)
    expect(body, told).not.toContain('root:x')
  }
  expect((await served.ask('/healthz')).status).toBe(200)
})

test.each([
  '[a](javascript:alert(1))',
  '[a](JaVaScRiPt:alert(1))',
  '[a](java&#115;cript:alert(1))',
  '[a](javascript&colon;alert(1))',
  '[a](data:text/html,<script>alert(1)</script>)',
  '[a](vbscript:x)',
  '![a](javascript:alert(1))',
  '<javascript:alert(1)>',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[a](https://example.org "onmouseover=alert(1)\\" onclick=\\"alert(1)")',
  '# <svg onload=alert(1)>',
  '```<script>\nalert(1)\n```',
])('a README does nothing: %s', (text) => {
  const html = markdownToHtml(text)
  expect(html).not.toMatch(/<(?:script|svg|iframe|img[^>]*\sonerror)/i)
  expect(html).not.toMatch(/(?:href|src)="\s*(?:javascript|data|vbscript):/i)
  expect(html.replace(/="[^"]*"/g, '')).not.toMatch(/<[^>]*\son\w+/i)
})
