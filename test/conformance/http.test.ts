import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { encode } from '../../src/core/text.ts'
import { openHttpStore } from '../../src/store/http/http.ts'
import type { Store } from '../../src/store/store.ts'
import { type Behaviour, startWebServer } from '../support/servers/web-server.ts'
import { temporaryDirectory, wrapped } from '../support/stores/stores.ts'
import { type Subject, storeConformance } from './store-conformance.ts'

async function setUp(wrap: (store: Store) => Store, behaviour: Behaviour = {}): Promise<Subject> {
  const directory = await temporaryDirectory()
  const server = await startWebServer(directory.path)
  server.behave(/./, behaviour)
  const store = wrap(openHttpStore({ url: server.url }))
  return {
    store,
    async seed(path, content) {
      await mkdir(encode(`${directory.path}/${dirname(path)}`), { recursive: true })
      await writeFile(encode(`${directory.path}/${path}`), content)
    },
    async cleanUp() {
      await store.close()
      await server.close()
      await directory.remove()
    },
  }
}

const readOnly = { writes: false }

storeConformance('the http store', () => setUp((store) => store), readOnly)
storeConformance('the http store in all wrappers', () => setUp(wrapped), readOnly)
storeConformance(
  'the http store with a server that ignores ranges',
  () => setUp((s) => s, { ignoreRange: true }),
  readOnly,
)
storeConformance(
  'the http store with a server without HEAD',
  () => setUp((s) => s, { methods: ['HEAD'], status: 405 }),
  readOnly,
)
