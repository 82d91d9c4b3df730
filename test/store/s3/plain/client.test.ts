import { createServer } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'

const server = createServer()
afterEach(() => server.close())

test('a server that answers in a way of its own is sent each request once, but the first', async () => {
  const seen: string[] = []
  server.on('request', (request, response) => {
    request.resume().on('end', () => {
      seen.push(`${request.method} ${request.url}`)
      response.writeHead(200, { ETag: '"x"', 'x-amz-request-id': '1' })
      response.flushHeaders() // so the length of the body is not told in front
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  const store = openS3Store({ endpoint: `http://127.0.0.1:${port}`, bucket: 'bucket', credentials })
  for (const name of ['one', 'two', 'three']) await store.put(name, bufferSource('content'))
  await store.close()
  expect(seen).toEqual(['PUT /bucket/one', 'PUT /bucket/one', 'PUT /bucket/two', 'PUT /bucket/three'])
})
