import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openHttpStore } from '../../../src/store/http/http.ts'
import type { Stat, Store } from '../../../src/store/store.ts'
import { startWebServer, type WebServer } from '../../support/servers/web-server.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { read, temporaryDirectory } from '../../support/stores/stores.ts'

const HEAD_BYTES = 32
const BYTES = content(10_000)
/** As long as the other one. */
const OTHER = Buffer.from(BYTES.map((byte) => byte ^ 1))

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: WebServer
let store: Store

beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const [name, bytes] of [
    ['first', BYTES],
    ['second', BYTES],
    ['other', OTHER],
    ['short', BYTES.subarray(1)],
  ] as const) {
    await mkdir(join(directory.path, name))
    await writeFile(join(directory.path, name, 'file'), bytes)
  }
  server = await startWebServer(directory.path)
})
afterAll(async () => {
  await server.close()
  await directory.remove()
})
beforeEach(() => {
  server.reset()
  store = openHttpStore({ url: server.url })
  return () => store.close()
})

const now = Date.now()

/** Has the file come from these directories in turn, each with an ETag and a date of its own. */
function mirrors(...names: readonly string[]): void {
  const answers = names.map((name, at) => ({
    directory: join(directory.path, name),
    headers: { etag: `"${name}"`, 'last-modified': new Date(now - at * 86_400_000).toUTCString() },
  }))
  server.behave('/file', { mirrors: answers })
}

const readHead = async (): Promise<Stat> => {
  const stat = (await store.stat('file')) as Stat
  const range = { start: 0, end: HEAD_BYTES }
  await read(store, 'file', { range, ifMatch: stat.identity, fingerprint: true })
  return stat
}

const readPart = (identity: string) => read(store, 'file', { range: { start: 100, end: 9000 }, ifMatch: identity })

describe('a file of mirrors whose ETags and dates all differ', () => {
  it.each([[['first', 'second']], [['second', 'first', 'first']], [['first', 'second', 'second', 'second', 'first']]])(
    'is one file when its fingerprint is (%j)',
    async (names) => {
      mirrors(...names)
      const { identity } = await readHead()
      for (let times = 1; times <= 5; times++) {
        expect(await readPart(identity)).toEqual(BYTES.subarray(100, 9000))
        expect((await store.stat('file'))?.identity).toBe(identity)
      }
    },
  )

  it('costs a request for each mirror, once', async () => {
    mirrors('first', 'second')
    const { identity } = await readHead()
    for (let times = 1; times <= 4; times++) await readPart(identity)
    const before = server.requests.length
    for (let times = 1; times <= 4; times++) await readPart(identity)
    expect(server.requests.length - before).toBe(4)
  })

  it.each([
    ['other', 'of the same length'],
    ['short', 'of another length'],
  ])('is never mixed with another file (%s, %s)', async (name) => {
    for (const names of [
      ['first', name],
      [name, 'first'],
      ['first', name, name, 'second'],
    ]) {
      store = openHttpStore({ url: server.url })
      mirrors(...names)
      const head = await store.stat('file')
      const wanted = { range: { start: 0, end: HEAD_BYTES }, ifMatch: head?.identity ?? '', fingerprint: true }
      const begin = await read(store, 'file', wanted).catch(() => undefined)
      let conflicts = begin === undefined ? 1 : 0
      for (let times = 1; times <= 8 && begin !== undefined; times++) {
        const part = await readPart(head?.identity ?? '').catch((error: unknown) => {
          expect(error).toMatchObject({ kind: 'conflict' })
          conflicts += 1
        })
        const whole = begin.equals(BYTES.subarray(0, HEAD_BYTES))
          ? BYTES
          : begin.equals(OTHER.subarray(0, HEAD_BYTES))
            ? OTHER
            : BYTES.subarray(1)
        if (part !== undefined) expect(part.equals(whole.subarray(100, 9000)), `${names}`).toBe(true)
      }
      expect(conflicts, `${names}`).toBeGreaterThan(0)
      await store.close()
    }
  })

  it('is another one when no bytes of it say what it is', async () => {
    mirrors('first', 'second')
    const stat = (await store.stat('file')) as Stat
    await expect(readPart(stat.identity)).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('was replaced when the same ETag comes with another fingerprint', async () => {
    mirrors('first')
    const { identity } = await readHead()
    server.behave('/file', { mirrors: [{ directory: join(directory.path, 'other'), headers: { etag: '"first"' } }] })
    const wanted = { range: { start: 0, end: HEAD_BYTES }, ifMatch: identity, fingerprint: true }
    await expect(read(store, 'file', wanted)).rejects.toMatchObject({ kind: 'conflict' })
    await expect(readPart(identity)).rejects.toMatchObject({ kind: 'conflict' })
  })
})
