import { afterAll } from 'vitest'
import { openDavStore } from '../../../src/store/dav/dav.ts'
import type { Store } from '../../../src/store/store.ts'
import { type Subject, storeConformance } from '../../conformance/store-conformance.ts'
import { startApache } from '../../support/servers/webdav.ts'
import { wrapped } from '../../support/stores/stores.ts'

const apache = await startApache()
afterAll(() => apache.close())

let stores = 0

function setUp(wrap: (store: Store) => Store = (store) => store): Subject {
  const store = wrap(openDavStore({ url: `${apache.url}/a store/${++stores}` }))
  return { store, cleanUp: () => store.close() }
}

const abilities = { appends: false, prunes: false, replacesWithGap: true }

storeConformance('the WebDAV store', () => setUp(), abilities)
storeConformance('the WebDAV store in all wrappers', () => setUp(wrapped), abilities)
