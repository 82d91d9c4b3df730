import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { drop, HttpClient, type Method } from '../../../src/store/common/http-client.ts'

/** A server that closes a connection, without an answer, when it is used for the second time. */
async function startForgetful() {
  const used = new Set<Socket>()
  const seen: string[] = []
  const server = createServer((request, response) => {
    const { method = '', socket } = request
    seen.push(method)
    if (used.has(socket)) return void socket.destroy()
    used.add(socket)
    request.resume().on('end', () => response.writeHead(200).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new HttpClient(url, () => undefined)
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  const ask = async (method: Method, content?: Buffer) => {
    const { signal } = new AbortController()
    const answer = await client.request({ op: 'test', url: `${url}/file`, method, headers: {}, content, signal })
    await drop(answer)
    await new Promise((resolve) => answer.response.once('close', resolve).resume())
    return answer.status
  }
  return { ask, seen }
}

test.each<[Method, Buffer | undefined]>([
  ['GET', undefined],
  ['PROPFIND', Buffer.from('<propfind/>')],
])('%s is sent once more when the server closes a connection that it kept', async (method, content) => {
  const { ask, seen } = await startForgetful()
  expect(await ask('GET')).toBe(200)
  expect(await ask(method, content)).toBe(200)
  expect(seen).toEqual(['GET', method, method])
})

test.each<Method>(['PUT', 'DELETE', 'MKCOL', 'MOVE'])('%s is not: it may have been done', async (method) => {
  const { ask, seen } = await startForgetful()
  await ask('GET')
  await expect(ask(method)).rejects.toMatchObject({ kind: 'unreachable', sent: 'maybe' })
  expect(seen).toEqual(['GET', method])
})

test.each([false, true])(
  'giving up an answer whose bytes all came breaks nothing; in its last turn: %s',
  async (late) => {
    const server = createServer((_request, response) => response.end('content'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = new HttpClient(url, () => undefined)
    onTestFinished(() => {
      client.close()
      server.closeAllConnections()
      server.close()
    })
    for (let i = 0; i < 20; i++) {
      const stop = new AbortController()
      const request = { op: 'test', url, method: 'GET', headers: {}, signal: stop.signal } as const
      const { response } = await client.request(request)
      try {
        for await (const chunk of response) {
          expect(String(chunk)).toBe('content')
          if (late) await new Promise((resolve) => setTimeout(resolve, i % 4))
          stop.abort(new Error('no more is wanted'))
        }
      } catch {
        expect(stop.signal.aborted).toBe(true)
      }
    }
  },
)
