import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { bufferSource } from '../../src/core/source.ts'
import { openHttpStore } from '../../src/store/http/http.ts'
import { openS3Store } from '../../src/store/s3/s3.ts'
import type { Store } from '../../src/store/store.ts'
import { content } from '../support/stores/hostile-sources.ts'
import { paths, read, write } from '../support/stores/stores.ts'

const OF_S3 = 'ETag: "x"\r\nx-amz-request-id: 1\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** Answers that are no HTTP, or cease to be. */
const ANSWERS: readonly [string, string][] = [
  ['something else', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['an error of TLS', '\x15\x03\x01\x00\x02\x02\x46'],
  ['a header that is none', 'HTTP/1.1 200 OK\r\nno header\r\n\r\n'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'],
  ['headers without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(30_000)}\r\n\r\n`],
  ['a part with a broken body', `HTTP/1.1 206 OK\r\n${OF_S3}Content-Range: bytes 0-0/9\r\n${CHUNKED}\r\nzz\r\nabc`],
  ['a body that breaks off', `HTTP/1.1 200 OK\r\n${OF_S3}${CHUNKED}\r\n3\r\nabc\r\nzz\r\n`],
  ['an error with a broken body', `HTTP/1.1 400 No\r\n${OF_S3}${CHUNKED}\r\nzz\r\nabc`],
  ['no length in HTTP/1.0', `HTTP/1.0 200 OK\r\n${OF_S3}\r\nabc`],
]

let server: Server
let host: string
let answer = ''
const opened: Store[] = []
/** What nobody caught: it would end the program, without a word of what was asked for. */
const uncaught: unknown[] = []
const notice = (error: unknown) => uncaught.push(error)

beforeEach(async () => {
  process.on('uncaughtException', notice)
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write(answer, 'latin1', () => socket.end()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host = `127.0.0.1:${(server.address() as { port: number }).port}`
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  server.close()
  process.off('uncaughtException', notice)
  expect(uncaught.splice(0)).toEqual([])
})

describe.each(ANSWERS)('a server that sends %s', (_what, bytes) => {
  beforeEach(() => {
    answer = bytes
  })

  const expectNamed = async (store: Store, calls: readonly ((store: Store) => Promise<unknown>)[]) => {
    opened.push(store)
    for (const call of calls) {
      const error = await call(store).then(
        (value) => expect.fail(`${call} gave ${JSON.stringify(value)}`),
        (error: unknown) => error,
      )
      expect(error, String(call)).toBeInstanceOf(StoreError)
      const { kind, message, where, reason } = error as StoreError
      expect(['missing', 'corrupt', 'conflict'], message).not.toContain(kind)
      expect(where, message).toContain(host)
      expect(reason, message).toContain(host)
      expect(message).not.toContain('\n')
    }
  }

  it('is told by its name and the path, over HTTP', async () => {
    const looking = [(store: Store) => store.stat('file'), (store: Store) => read(store, 'file')]
    await expectNamed(openHttpStore({ url: `http://${host}/store` }), looking)
  })

  it('is told by its name and the path, over S3', async () => {
    const credentials = { accessKeyId: 'A', secretAccessKey: 'B' }
    const store = openS3Store({ endpoint: `http://${host}`, bucket: 'bucket', credentials })
    if (bytes.startsWith('HTTP/1.1 206')) {
      expect((await store.stat('file'))?.size).toBe(9) // the headers are enough for that
      return expectNamed(store, [(each) => read(each, 'file', { range: { start: 0, end: 1 } })])
    }
    await expectNamed(store, [
      (each) => each.stat('file'),
      (each) => read(each, 'file'),
      (each) => each.put('large', bufferSource(content(17 * 1024 * 1024))),
      (each) => paths(each, ''),
      ...(bytes.startsWith('HTTP/1.0') ? [] : [(each: Store) => write(each, 'file', 'abc')]),
    ])
  })
})
