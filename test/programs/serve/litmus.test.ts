import { once } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../support/programs/run.ts'
import { commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { DIRECTORY, ID, memoryStore } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

/**
 * What of litmus 0.13 changes nothing. Its suites begin with DELETE and MKCOL of `litmus/`, and end
 * when these fail: so a front says of those two that they were done.
 */
const READING: Readonly<Record<string, readonly string[]>> = {
  basic: ['options', 'put_no_parent', 'delete_null'],
  props: ['propfind_invalid', 'propfind_invalid2', 'propfind_d0'],
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let served: ServedStore
let front: http.Server
let isMade = false

beforeAll(async () => {
  directory = await temporaryDirectory()
  const store = await memoryStore()
  await commitFiles(store, DIRECTORY, { 'litmus/there.txt': 'there\n' })
  served = await serveStore(store)
  front = http.createServer((request, response) => {
    const { method, url = '', headers } = request
    if (url.endsWith('/main/litmus/') && (method === 'DELETE' || method === 'MKCOL')) {
      request.resume()
      if (!isMade || method === 'DELETE') {
        isMade = method === 'MKCOL'
        return void response.writeHead(method === 'MKCOL' ? 201 : 204).end()
      }
    }
    const asked = http.request({ port: served.port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    asked.on('error', () => response.destroy())
    request.pipe(asked)
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
})
afterAll(async () => {
  front?.closeAllConnections()
  front?.close()
  await served?.close()
  await directory?.remove()
})

test('litmus finds nothing wrong in what it only reads, nor in how it is refused the rest', async () => {
  const { port } = front.address() as AddressInfo
  const { stdout } = await run('litmus', ['-k', `http://127.0.0.1:${port}/d/${ID}/main/`], {
    cwd: directory.path, // it writes a log
    env: { ...process.env, TESTS: Object.keys(READING).join(' ') },
  })
  for (const name of Object.values(READING).flat()) {
    expect(stdout).toMatch(new RegExp(`\\d+\\. ${name}\\.+ (?:WARNING: [^\\n]*\\n *\\.+ )?pass`))
  }
})
