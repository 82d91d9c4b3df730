import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NotUnderstood, type RawAnswer } from '../../../../src/store/s3/plain/connection.ts'
import { Connections } from '../../../../src/store/s3/plain/connections.ts'
import { type SocketServer, startSocketServer } from '../../../support/servers/socket-server.ts'

let server: SocketServer
let connections: Connections
/** What the server does with each request that came whole. */
let answer: (socket: Socket, request: string) => void
/** Connections that were made. */
let made: readonly Socket[] = []
const { signal } = new AbortController()

beforeEach(async () => {
  server = await startSocketServer((socket, request) => answer(socket, request))
  made = server.made
  connections = new Connections(server.url, {})
})
afterEach(() => {
  connections.close()
  server.close()
})

const ask = (more: Partial<Parameters<Connections['send']>[0]> = {}) =>
  connections.send({ head: 'GET / HTTP/1.1\r\n\r\n', content: undefined, isHead: false, signal, ...more })

async function textOf({ body }: RawAnswer): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const says = (text: string) => {
  answer = (socket) => socket.write(text, 'latin1')
}

test('an answer is read whatever pieces it comes in, and the connection is used again', async () => {
  const whole = 'HTTP/1.1 206 Partial\r\nETag: "x"\r\nCONTENT-LENGTH:  5 \r\nX-A: 1\r\nx-a: 2\r\n\r\nhello'
  for (const size of [1, 2, 7, whole.length]) {
    answer = async (socket) => {
      for (let i = 0; i < whole.length; i += size) {
        socket.write(whole.slice(i, i + size), 'latin1')
        await turn()
      }
    }
    const came = await ask()
    expect({ status: came.status, ...came.headers }).toEqual({
      status: 206,
      etag: '"x"',
      'content-length': '5',
      'x-a': '1, 2',
    })
    expect(await textOf(came)).toBe('hello')
  }
  expect(made).toHaveLength(1)
})

test('content goes out after its head, and several requests at once have a connection each', async () => {
  const seen: string[] = []
  answer = (socket, request) => {
    seen.push(request)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  }
  const head = 'PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n'
  const content = Buffer.from('abc')
  await Promise.all([ask({ head, content }), ask({ head, content })])
  expect(seen).toEqual([`${head}abc`, `${head}abc`])
  expect(made).toHaveLength(2)
})

test.each([
  ['a look', { isHead: true }, 'HTTP/1.1 404 Not Found\r\nContent-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['nothing', {}, 'HTTP/1.1 204 No Content\r\n\r\n'],
])('an answer to %s has no body', async (_what, more, text) => {
  says(text)
  expect(await textOf(await ask(more))).toBe('')
  expect(await textOf(await ask(more))).toBe('')
  expect(made).toHaveLength(1)
})

test.each([
  ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['an older HTTP', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a body in pieces', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['pieces, and a length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'],
  ['no length', 'HTTP/1.1 200 OK\r\nETag: x\r\n\r\n'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc'],
  ['a line that goes on', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n'],
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a bare line feed', 'HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 3\r\n\r\nabc'],
  ['an answer before the answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ['a head without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}`],
])('%s is not understood, and its connection is ended', async (_what, text) => {
  says(text)
  await expect(ask()).rejects.toThrow(NotUnderstood)
  await expect.poll(() => made.every((socket) => socket.destroyed)).toBe(true)
})

test('what comes after the end of an answer is no part of the next one', async () => {
  says('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb')
  expect(await textOf(await ask())).toBe('a')
  expect(await textOf(await ask())).toBe('a')
  expect(made).toHaveLength(2)
})

test('what comes while nobody waits ends the connection', async () => {
  says('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  await ask()
  made[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
  await expect.poll(() => made[0]?.destroyed).toBe(true)
  expect(await textOf(await ask())).toBe('')
  expect(made).toHaveLength(2)
})

test('a server that wants to close the connection is asked by another one', async () => {
  says('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na')
  expect(await textOf(await ask())).toBe('a')
  expect(await textOf(await ask())).toBe('a')
  expect(made).toHaveLength(2)
})

test('a kept connection that breaks when it is used says that the request may go again', async () => {
  says('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  await ask()
  answer = (socket) => socket.resetAndDestroy()
  await expect(ask()).rejects.toThrow(NotUnderstood)
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a body that breaks off is an error for its reader, also when nobody reads it yet', async () => {
  answer = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')
  const came = await ask()
  await expect.poll(() => made[0]?.destroyed).toBe(true)
  await expect(textOf(came)).rejects.toThrow('closed')
})

test('a call that is given up ends its connection, before the answer and within it', async () => {
  const before = new AbortController()
  answer = () => before.abort()
  await expect(ask({ signal: before.signal })).rejects.toThrow('given up')
  const within = new AbortController()
  says('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')
  const came = await ask({ signal: within.signal })
  within.abort()
  await expect(textOf(came)).rejects.toThrow('given up')
  await expect.poll(() => made.length === 2 && made.every((socket) => socket.destroyed)).toBe(true)
})

test('a call that was given up before its request could be sent sends none, and does not wait', async () => {
  answer = () => {}
  await expect(ask({ signal: AbortSignal.abort() })).rejects.toThrow('given up')
})

test('a body that nobody wants to the end is not read to the end', async () => {
  says('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')
  const { body } = await ask()
  for await (const _chunk of body) break
  await expect.poll(() => made[0]?.destroyed).toBe(true)
})

test('a long body waits for its reader, and comes whole', async () => {
  // More than the kernel holds for both ends.
  const content = Buffer.alloc(64 * 1024 * 1024, 'abcdefg')
  answer = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
    socket.write(content)
  }
  const came = await ask()
  await expect.poll(() => (made[0]?.writableLength ?? 0) > 0).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(came.body.left).toBeGreaterThan(content.length / 4)
  const chunks: Buffer[] = []
  for await (const chunk of came.body) chunks.push(chunk)
  expect(Buffer.concat(chunks).equals(content)).toBe(true)
})
