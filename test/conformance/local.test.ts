import { openLocalStore } from '../../src/store/local.ts'
import type { Store } from '../../src/store/store.ts'
import { temporaryDirectory, wrapped } from '../support/stores/stores.ts'
import { type Subject, storeConformance } from './store-conformance.ts'

async function setUp(wrap: (store: Store) => Store): Promise<Subject> {
  const directory = await temporaryDirectory()
  const store = wrap(openLocalStore({ root: directory.path }))
  return { store, cleanUp: () => store.close().then(directory.remove) }
}

storeConformance('the local store', () => setUp((store) => store), { executes: true })
storeConformance('the local store in all wrappers', () => setUp(wrapped), { executes: true })
