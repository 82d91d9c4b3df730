import { openMemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { withFaults } from '../../src/store/wrappers/faulty.ts'
import { wrapped } from '../support/stores/stores.ts'
import { storeConformance } from './store-conformance.ts'

const setUp = (store: Store) => ({ store, cleanUp: () => store.close() })

storeConformance('the memory store', () => setUp(openMemoryStore()))
storeConformance('the memory store in all wrappers', () => setUp(wrapped(openMemoryStore())))
storeConformance('the faulty store without faults', () => setUp(withFaults(openMemoryStore(), [])))
