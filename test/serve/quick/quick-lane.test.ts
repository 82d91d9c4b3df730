import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import { makeToken } from '../../../src/serve/access-file.ts'
import { LooseKeys } from '../../../src/serve/quick/loose-keys.ts'
import type { ServeOptions } from '../../../src/serve/server.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, PLACE } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

/** Larger than what is kept in memory. */
const LARGE = randomBytes(3 * 1024 * 1024)

let root: string
let served: ServedStore
/** Keys that the store was asked for. */
let asked: string[]

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'riastore-quick-'))
  put('ria-layout-version', '1\n')
  put(`${DIRECTORY}/ria-layout-version`, '2\n')
  put(PLACE, CONTENT)
  await serve()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await served.close()
  rmSync(root, { recursive: true, force: true })
})

async function serve(options: Partial<ServeOptions> = {}): Promise<void> {
  await served?.close()
  const store = openLocalStore({ root })
  asked = []
  const noted = (path: string) => {
    if (path.includes('/objects/')) asked.push(path)
  }
  const noting = withMethods(store, {
    stat: (path, options) => {
      noted(path)
      return store.stat(path, options)
    },
    statAll: (paths, options) => {
      paths.forEach(noted)
      return store.statAll(paths, options)
    },
    get: (path, consume, options) => {
      noted(path)
      return store.get(path, consume, options)
    },
  })
  served = await serveStore(noting, options)
}

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

/** Where a key with this content lies, whatever does lie there. */
function placeOf(content: Uint8Array): string {
  const key = `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`
  return keyPaths(DIRECTORY, '2', key)[0] ?? ''
}

/** Files were written so long ago that their times tell of every change since. */
function filesAreOld(): void {
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 10_000)
}

/** What comes back when all this was sent, a piece after the other, on one connection. */
async function talk(...pieces: string[]): Promise<string> {
  const socket = connect(served.port, '127.0.0.1')
  let received = ''
  let isClosed = false
  socket.setEncoding('latin1').on('data', (text: string) => (received += text))
  socket.on('error', () => {}).on('close', () => (isClosed = true))
  const until = (isTrue: () => boolean) => vi.waitUntil(isTrue, { timeout: 60_000, interval: 5 })
  for (const piece of pieces) {
    const before = received.length
    socket.write(piece, 'latin1')
    const isAnswered = () =>
      isClosed || (!piece.includes('Connection: close') && isWhole(received.slice(before), piece))
    if (piece.endsWith('\r\n\r\n')) await until(isAnswered)
    else await sleep(20)
  }
  socket.end()
  await until(() => isClosed)
  return received
}

function isWhole(answer: string, request: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  const length = request.startsWith('HEAD') ? 0 : Number(/^Content-Length: (\d+)/im.exec(answer.slice(0, end))?.[1])
  return end >= 0 && answer.length >= end + 4 + length
}

const get = (path: string, ...lines: string[]) =>
  `${[`GET /${path} HTTP/1.1`, 'Host: localhost', ...lines].join('\r\n')}\r\n\r\n`

/** Without what differs from one second to the next. */
const headOf = (text: string) =>
  (text.split('\r\n\r\n', 1)[0] ?? '')
    .split('\r\n')
    .filter((line) => !line.startsWith('Date: '))
    .sort()
const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4)
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

/** A header that nobody knows: node reads the request, and the store is asked. */
const NOT_PLAIN = 'X-Other: 1'

describe('a loose key on a disk', () => {
  test('is sent as the store would send it, to the last header, but the store is not asked', async () => {
    const large = placeOf(LARGE)
    put(large, LARGE)
    for (const path of [PLACE, large]) {
      for (const request of [get(path), get(path).replace('GET', 'HEAD')]) {
        const answer = await talk(request)
        expect(asked).toEqual([])
        const other = await talk(request.replace('\r\n\r\n', `\r\n${NOT_PLAIN}\r\n\r\n`))
        expect(headOf(answer)).toEqual(headOf(other))
        // Not by what tells how they differ: that takes minutes for such ones.
        expect(bodyOf(answer) === bodyOf(other)).toBe(true)
        expect(asked).not.toEqual([])
        asked = []
      }
    }
  })

  test('is sent in parts as the store would send them, and the store is not asked', async () => {
    const large = placeOf(LARGE)
    put(large, LARGE)
    for (const path of [PLACE, large]) {
      for (const range of ['bytes=4-10', 'bytes=-5', 'bytes=3-', 'bytes=0-999999999']) {
        const request = get(path, `Range: ${range}`)
        const answer = await talk(request)
        expect(asked).toEqual([])
        const other = await talk(request.replace('\r\n\r\n', `\r\n${NOT_PLAIN}\r\n\r\n`))
        expect(statuses(answer)).toEqual([206])
        expect(headOf(answer)).toEqual(headOf(other))
        expect(bodyOf(answer) === bodyOf(other), range).toBe(true)
        asked = []
      }
    }
    expect(served.log[0]).toMatchObject({ status: 206, bytes: 7, target: `/${PLACE}` })
    expect(statuses(await talk(get(PLACE, 'Range: bytes=999-')))).toEqual([416])
  })

  test('is told of, and counted', async () => {
    await talk(get(PLACE))
    await talk(get(PLACE).replace('GET', 'HEAD'))
    const about = { client: '127.0.0.1', user: undefined, target: `/${PLACE}`, status: 200, failure: undefined }
    expect(served.log).toEqual([
      { ...about, method: 'GET', bytes: CONTENT.length },
      { ...about, method: 'HEAD', bytes: 0 },
    ])
    const { body } = await served.ask('/metrics')
    expect(body).toContain('riastore_serve_requests_total{status="200"} 2\n')
    expect(body).toContain(`riastore_serve_sent_bytes_total ${CONTENT.length}\n`)
  })

  test('that is replaced, removed, or somewhere else is not what it was before', async () => {
    filesAreOld()
    expect(await talk(get(PLACE), get(PLACE))).toContain(CONTENT.toString())
    expect(asked).toEqual([])
    const wrong = Buffer.from(CONTENT).fill('x')
    put(PLACE, wrong)
    utimesSync(join(root, PLACE), 1, 1)
    expect(statuses(await talk(get(PLACE)))).toEqual([502])
    put('other', CONTENT)
    rmSync(join(root, PLACE))
    expect(statuses(await talk(get(PLACE)))).toEqual([404])
    renameSync(join(root, 'other'), join(root, PLACE))
    expect(statuses(await talk(get(PLACE)))).toEqual([200])
    renameSync(root, `${root}.unmounted`)
    expect(statuses(await talk(get(PLACE)))).toEqual([503])
    renameSync(`${root}.unmounted`, root)
  })

  test('by way of a link is for the store to judge', async () => {
    renameSync(join(root, PLACE), join(root, 'elsewhere'))
    symlinkSync(join(root, 'elsewhere'), join(root, PLACE))
    await talk(get(PLACE))
    expect(asked).not.toEqual([])
  })

  test('that is large and damaged is broken off before its end, and told of', async () => {
    const place = placeOf(LARGE)
    const damaged = Buffer.from(LARGE)
    damaged[0] = (damaged[0] ?? 0) ^ 1
    put(place, damaged)
    const answer = await talk(get(place))
    expect(answer.length).toBeLessThan(LARGE.length)
    expect(asked).toEqual([])
    expect(served.log[0]?.failure).toMatch(/annex\/objects\/.*: the copy is damaged/)
  })

  test('is not found at another place, nor by a host that is not ours', async () => {
    const text = await talk(get(PLACE.replace('W8', 'W9')))
    expect(statuses(text)).toEqual([404])
    expect(statuses(await talk(get(PLACE).replace('localhost', 'other.example')))).toEqual([421])
  })
})

describe('a connection', () => {
  test('goes on with whatever else is asked for on it', async () => {
    const part = get(PLACE, 'Range: bytes=4-10', NOT_PLAIN)
    const answer = await talk(get(PLACE), part, get('healthz'), get(PLACE))
    expect(statuses(answer)).toEqual([200, 206, 200, 200])
    expect(answer).toMatch(/\r\n\r\ncontentHTTP/)
  })

  test('may bring requests in pieces, and several at once', async () => {
    const [a, b] = [get(PLACE).slice(0, 30), get(PLACE).slice(30)]
    expect(statuses(await talk(a, b))).toEqual([200])
    const all = get(PLACE) + get(PLACE, 'Range: bytes=4-10') + get(PLACE, 'Connection: close')
    expect(statuses(await talk(all))).toEqual([200, 206, 200])
  })

  test('that closes in the middle of an answer ends nothing else', async () => {
    const place = placeOf(LARGE)
    put(place, LARGE)
    const socket = connect(served.port, '127.0.0.1')
    socket.write(get(place))
    await once(socket, 'data')
    socket.destroy()
    await vi.waitFor(() => expect(served.log[0]).toMatchObject({ status: 200 }), 60_000)
    expect(served.log[0]?.bytes).toBeLessThanOrEqual(LARGE.length)
    expect(statuses(await talk(get(PLACE)))).toEqual([200])
  })
})

describe('who asks', () => {
  test('gets what is theirs, and is told of by name', async () => {
    const { token, stored } = makeToken([ID], new Date(), undefined)
    const accessFile = join(root, 'access.json')
    writeFileSync(accessFile, JSON.stringify({ tokens: { mine: stored } }))
    await serve({ accessFile })
    expect(statuses(await talk(get(PLACE, `Authorization: Bearer ${token}`)))).toEqual([200])
    expect(asked).toEqual([])
    expect(served.log[0]).toMatchObject({ user: 'token:mine', status: 200 })
    expect(statuses(await talk(get(PLACE)))).toEqual([401])
    expect(statuses(await talk(get(PLACE, 'Authorization: Bearer riastore-x')))).toEqual([401])
    writeFileSync(accessFile, JSON.stringify({ tokens: { mine: { ...stored, datasets: ['another'] } } }))
    await serve({ accessFile })
    expect(statuses(await talk(get(PLACE, `Authorization: Bearer ${token}`)))).toEqual([403])
  })

  test('is told nothing of a dataset that is not theirs: not whether it is there, nor by a look at it', async () => {
    const { token, stored } = makeToken(['another'], new Date(), undefined)
    const accessFile = join(root, 'access.json')
    writeFileSync(accessFile, JSON.stringify({ tokens: { mine: stored } }))
    await serve({ accessFile })
    const look = vi.spyOn(LooseKeys.prototype, 'at')
    const ask = async (place: string, ...lines: string[]) => {
      const answer = await talk(get(place, ...lines))
      return { head: headOf(answer), body: bodyOf(answer) }
    }
    const absent = PLACE.replace('6d6/', '6d7/')
    for (const lines of [[], [`Authorization: Bearer ${token}`], ['Range: bytes=0-3']]) {
      const there = await ask(PLACE, ...lines)
      expect(there.head[1]).not.toContain('404')
      expect(there).toEqual(await ask(absent, ...lines))
    }
    expect(asked).toEqual([])
    expect(look).not.toHaveBeenCalled()
  })

  test('has as many requests as they may, and is told when to ask again', async () => {
    await serve({ limits: { requestsPerMinute: 2 } })
    const answer = await talk(get(PLACE), get(PLACE), get(PLACE))
    expect(statuses(answer)).toEqual([200, 200, 429])
    expect(answer).toMatch(/Retry-After: \d+/)
  })

  test('has a request counted once, also where the store is asked after all', async () => {
    await serve({ limits: { requestsPerMinute: 2 } })
    const absent = get(placeOf(Buffer.from('not there')))
    expect(statuses(await talk(absent, absent, absent))).toEqual([404, 404, 429])
  })
})
