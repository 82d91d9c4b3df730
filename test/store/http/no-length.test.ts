import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openHttpStore } from '../../../src/store/http/http.ts'
import type { Store } from '../../../src/store/store.ts'
import { CONTENT, DIRECTORY, dataset, downloads, KEY, PLACE } from '../../support/stores/memory-dataset.ts'
import { read } from '../../support/stores/stores.ts'

/** What the server shows, by path, of HTTP/1.0: a file ends where the connection does. */
let files: Record<string, string>
let server: Server
let url: string
let store: Store
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
let version = '1.0'

beforeEach(async () => {
  files = {}
  version = '1.0'
  server = createServer((socket) => {
    socket.on('error', () => {})
    let asked = ''
    socket.on('data', (bytes) => {
      asked += bytes.toString('latin1')
      if (!asked.includes('\r\n\r\n')) return
      const [, method, path = ''] = /^(\w+) \/(\S*)/.exec(asked) ?? []
      const text = files[path]
      const headers = version === '1.0' ? '' : 'Transfer-Encoding: chunked\r\nConnection: close\r\n'
      const body = text === undefined || method === 'HEAD' ? '' : version === '1.0' ? text : chunked(text)
      const status = text === undefined ? '404 Not Found\r\nContent-Length: 0\r\nConnection: close' : '200 OK'
      socket.end(`HTTP/${version} ${status}\r\n${text === undefined ? '' : headers}\r\n${body}`, 'latin1')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  store = openHttpStore({ url })
})
afterEach(async () => {
  await store.close()
  server.close()
})

describe.each(['1.0', '1.1'])('a server of HTTP/%s that never says how long a file is', (used) => {
  beforeEach(() => {
    version = used
  })

  it('gives a file whose length is known, from wherever it is wanted', async () => {
    files.file = 'abcdefghi'
    expect((await read(store, 'file', { expectedSize: 9 })).toString()).toBe('abcdefghi')
    expect((await read(store, 'file', { expectedSize: 9, range: { start: 7 } })).toString()).toBe('hi')
    files.file = ''
    expect((await read(store, 'file', { expectedSize: 0 })).toString()).toBe('')
  })

  it('does not pass a file that ends too early for a damaged one, nor for a whole one', async () => {
    files.file = 'abc'
    const error = { kind: 'transient', reason: expect.stringMatching(/3 of 9 bytes came .* does not say how long/) }
    await expect(read(store, 'file', { expectedSize: 9 })).rejects.toMatchObject(error)
    await expect(read(store, 'file', { expectedSize: 9, range: { start: 1 } })).rejects.toMatchObject(error)
  })

  it('does not pass a longer file for a damaged one, nor for a whole one', async () => {
    files.file = 'abcdefghi'
    const error = {
      kind: 'unsupported',
      reason: expect.stringMatching(/more than 3 bytes came .* does not say how long/),
    }
    await expect(read(store, 'file', { expectedSize: 3 })).rejects.toMatchObject(error)
  })

  it('shows no file whose length nobody knows, and says why', async () => {
    files.file = 'abc'
    const error = { kind: 'unsupported', reason: expect.stringMatching(/does not say how long the file is/) }
    await expect(read(store, 'file')).rejects.toMatchObject(error)
    await expect(store.stat('file')).rejects.toMatchObject(error)
  })

  it('gives a line that ends as one, and no part of it', async () => {
    for (const whole of ['2\n', '1|l\n']) {
      files.file = whole
      expect((await read(store, 'file', { isLine: true })).toString()).toBe(whole)
    }
    for (const other of ['', '2', '2\n1', '2\n1\n', `${'2'.repeat(2000)}\n`]) {
      files.file = other
      await expect(read(store, 'file', { isLine: true }), other).rejects.toMatchObject({ kind: 'unsupported' })
    }
  })

  it('shows a RIA store, whose keys are retrieved and never called absent or damaged', async () => {
    files['ria-layout-version'] = '1\n'
    files[`${DIRECTORY}/ria-layout-version`] = '2\n'
    files[PLACE] = CONTENT.toString()
    const target = await downloads()
    const ria = dataset(store)
    try {
      const file = target.file('whole')
      await ria.retrieve(KEY, file)
      expect(await readFile(file)).toEqual(CONTENT)
      await expect(ria.checkPresent(KEY)).rejects.toMatchObject({ kind: 'unsupported' })
      files[PLACE] = CONTENT.subarray(1).toString()
      await expect(ria.retrieve(KEY, target.file('cut off'))).rejects.toMatchObject({ kind: 'transient' })
    } finally {
      await ria.close()
      await target.remove()
    }
  })
})
