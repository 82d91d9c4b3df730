import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Connections } from '../../../../src/store/s3/plain/connections.ts'
import { SmallReads, type SmallReadsOptions } from '../../../../src/store/s3/plain/small-reads.ts'
import { type SocketServer, startSocketServer } from '../../../support/servers/socket-server.ts'

let server: SocketServer
let connections: Connections
/** What the server does with the request for a path. */
let answer: (socket: Socket, path: string) => unknown
/** What happened here, in this order. */
let seen: string[]
let failures: string[]

beforeEach(async () => {
  seen = []
  failures = []
  server = await startSocketServer((socket, request) => answer(socket, request.trim()))
  connections = new Connections(server.url, {})
})
afterEach(() => {
  connections.close()
  server.close()
})

const contentOf = (path: string) => path.repeat(Number(path))
const says = (socket: Socket, content: string, status = '200 OK', more = '') =>
  socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${content.length}\r\n${more}\r\n${content}`)
/** Of these numbers: each is a path, and its content is the number, so many times. */
async function reads(numbers: readonly number[], more: Partial<SmallReadsOptions> = {}): Promise<string[]> {
  const came: string[] = []
  const files = numbers.map((number) => ({ path: `${number}`, size: contentOf(`${number}`).length }))
  await new SmallReads(files, {
    atOnce: 2,
    signal: new AbortController().signal,
    connect: () => connections.take(),
    headOf: (path) => {
      seen.push(`ask ${path}`)
      return `${path}\r\n\r\n`
    },
    isWhole: ({ status }) => status === 200,
    onContent: (index, content) => {
      seen.push(`got ${numbers[index]}`)
      expect(Buffer.from(content).toString()).toBe(contentOf(`${numbers[index]}`))
      came.push(`${numbers[index]}`)
    },
    onFailure: ({ message }) => failures.push(message),
    ...more,
  }).run()
  return came
}

test('objects come by a request each, so many at once as was said, over connections that are kept', async () => {
  let [now, most] = [0, 0]
  answer = async (socket, path) => {
    now += 1
    most = Math.max(most, now)
    for (let i = 0; i < 3; i++) await turn()
    now -= 1
    says(socket, contentOf(path))
  }
  expect((await reads([0, 1, 2, 3, 4, 5, 6, 7])).sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
  expect([most, server.made.length]).toEqual([2, 2])
  expect(failures).toEqual([])
})

test('the next request leaves before what came is looked at', async () => {
  answer = (socket, path) => says(socket, contentOf(path))
  await reads([1, 2, 3], { atOnce: 1 })
  expect(seen).toEqual(['ask 1', 'ask 2', 'got 1', 'ask 3', 'got 2', 'got 3'])
})

test('a content comes whole, whatever pieces it comes in', async () => {
  answer = async (socket, path) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${contentOf(path).length}\r\n\r\n`)
    for (const digit of contentOf(path)) {
      socket.write(digit)
      await turn()
    }
  }
  const progress: number[] = []
  expect(await reads([12, 5], { atOnce: 1, onProgress: (bytes) => progress.push(bytes) })).toEqual(['12', '5'])
  expect(progress.filter((bytes) => bytes === 24 || bytes === 5).length).toBeGreaterThan(1)
})

test('an answer of another kind or length is not given, and the others come', async () => {
  answer = (socket, path) => {
    if (path === '2') says(socket, contentOf(path), '206 Partial Content')
    else if (path === '3') says(socket, `${contentOf(path)}x`)
    else if (path === '4') says(socket, contentOf(path).slice(1))
    else if (path === '5') says(socket, '', '404 Not Found')
    else says(socket, contentOf(path))
  }
  expect((await reads([1, 2, 3, 4, 5, 6])).sort()).toEqual(['1', '6'])
  expect(failures).toEqual([])
})

test('a connection that breaks, or says what is not understood, costs no more than its own object', async () => {
  answer = (socket, path) => {
    if (path === '2') socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n2`)
    else if (path === '3') socket.resetAndDestroy()
    else if (path === '4') socket.write('SSH-2.0\r\n\r\n')
    else says(socket, contentOf(path))
  }
  expect((await reads([1, 2, 3, 4, 5, 6])).sort()).toEqual(['1', '5', '6'])
  expect(failures).toHaveLength(3)
})

test('given up, it ends what is under way, begins nothing more, and gives nothing more', async () => {
  const stop = new AbortController()
  const all = new Set<string>()
  answer = (socket, path) => {
    all.add(path)
    if (path === '1') says(socket, contentOf(path))
    else stop.abort()
  }
  expect(await reads([1, 2, 3, 4, 5, 6], { atOnce: 1, signal: stop.signal })).toEqual(['1'])
  expect([...all]).toEqual(['1', '2'])
  await expect.poll(() => server.made.every((socket) => socket.destroyed)).toBe(true)
  expect(await reads([1], { signal: stop.signal })).toEqual([])
  // What came in the same piece as the reason to stop is not given either.
  const within = new AbortController()
  answer = (socket, path) => says(socket, contentOf(path))
  const onProgress = () => within.abort()
  expect(await reads([7, 8], { signal: within.signal, onProgress })).toEqual([])
})
