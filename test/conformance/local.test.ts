import { openLocalStore } from '../../src/store/local/local.ts'
import type { Store } from '../../src/store/store.ts'
import { atOnceWhereItCan } from '../support/stores/at-once.ts'
import { temporaryDirectory, wrapped } from '../support/stores/stores.ts'
import { type Subject, storeConformance } from './store-conformance.ts'

async function setUp(wrap: (store: Store) => Store, byNumber = true): Promise<Subject> {
  const directory = await temporaryDirectory()
  const store = wrap(openLocalStore({ root: directory.path, byNumber }))
  return { store, cleanUp: () => store.close().then(directory.remove) }
}

storeConformance('the local store', () => setUp((store) => store), { executes: true })
storeConformance('the local store in all wrappers', () => setUp(wrapped), { executes: true })
storeConformance('the local store where what is open has no name', () => setUp((store) => store, false), {
  executes: true,
})
storeConformance('the local store, at once where it can', () => setUp(atOnceWhereItCan), { executes: true })
