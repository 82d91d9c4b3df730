import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openDavStore } from '../../../src/store/dav/dav.ts'

const multistatus = (href: string, properties: string) =>
  `<multistatus xmlns="DAV:"><response><href>${href}</href><propstat><prop>${properties}</prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`

/** Fails to replace a file; it `loses` what was to be replaced. */
async function startServer(loses: boolean) {
  const methods: string[] = []
  let isThere = true
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    methods.push(method)
    request.resume().on('end', () => {
      if (method === 'PUT') response.writeHead(201).end()
      else if (method === 'MOVE' && headers.overwrite === 'F') response.writeHead(412).end()
      else if (method === 'MOVE') {
        isThere = !loses
        response.writeHead(500).end()
      } else if (method !== 'PROPFIND') response.writeHead(204).end()
      else if (url.endsWith('/file') && !isThere) response.writeHead(404).end()
      else {
        const isFile = /file$|tmp$/.test(url)
        const properties = isFile
          ? '<getcontentlength>3</getcontentlength>'
          : '<resourcetype><collection/></resourcetype>'
        response.writeHead(207).end(multistatus(url, properties))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const store = openDavStore({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/store` })
  onTestFinished(async () => {
    await store.close()
    server.close()
  })
  return { store, methods }
}

test('the new content stays where a server loses the old one and fails to replace it', async () => {
  const { store, methods } = await startServer(true)
  await expect(store.put('file', bufferSource('new'))).rejects.toMatchObject({ kind: 'transient' })
  expect(methods).toContain('PUT')
  expect(methods).not.toContain('DELETE')
})

test('the new content goes where a server fails to replace the old one, and still has it', async () => {
  const { store, methods } = await startServer(false)
  await expect(store.put('file', bufferSource('new'))).rejects.toMatchObject({ kind: 'transient' })
  expect(methods).toContain('DELETE')
})
