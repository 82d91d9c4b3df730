import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as http from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keyPaths } from '../../src/ria/layout/paths.ts'
import { withLimit } from '../../src/store/wrappers/limit.ts'
import { type ServedStore, serveStore } from '../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, memoryStore, PLACE } from '../support/stores/memory-dataset.ts'
import { write } from '../support/stores/stores.ts'

/** More than the system takes for a client that reads nothing. */
const LARGE = randomBytes(24 * 1024 * 1024)
const PLACES_OF_STORE = 2

let served: ServedStore
let large: string

beforeEach(async () => {
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  const key = `MD5-s${LARGE.length}--${createHash('md5').update(LARGE).digest('hex')}`
  large = keyPaths(DIRECTORY, '2', key)[0] ?? ''
  await write(store, large, LARGE)
  served = await serveStore(withLimit(store, { maxInFlight: PLACES_OF_STORE }))
})
afterEach(() => served.close())

async function begin(path: string): Promise<http.IncomingMessage> {
  const request = http.get({ host: '127.0.0.1', port: served.port, path, agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return response // nothing is read of it yet
}

test('clients that read nothing keep nobody else from reading, and get all when they do', async () => {
  const slow = await Promise.all(Array.from({ length: PLACES_OF_STORE }, () => begin(`/${large}`)))
  expect((await served.ask(`/${PLACE}`)).body).toBe(CONTENT.toString())
  for (const response of slow) {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).equals(LARGE)).toBe(true)
  }
})
