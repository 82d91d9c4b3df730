import { randomUUID } from 'node:crypto'
import { afterAll } from 'vitest'
import { openS3Store } from '../../../src/store/s3.ts'
import type { S3Settings } from '../../../src/store/s3-client.ts'
import type { Store } from '../../../src/store/store.ts'
import { type Subject, storeConformance } from '../../conformance/store-conformance.ts'
import { wrapped } from '../../support/stores/stores.ts'
import { startTestS3 } from '../../support/worlds/test-s3.ts'

const server = await startTestS3()
afterAll(() => server.stop())

async function setUp(
  settings: Partial<S3Settings>,
  wrap: (store: Store) => Store = (store) => store,
): Promise<Subject> {
  const prefix = `test-${randomUUID()}/a store`
  const store = wrap(openS3Store({ ...server.settings, prefix, ...settings }))
  return { store, cleanUp: () => store.close().then(() => server.empty(prefix)) }
}

const abilities = { appends: false, timesPuts: false }

storeConformance('the S3 store', () => setUp({}), abilities)
storeConformance('the S3 store in all wrappers', () => setUp({ unsignedPayload: true }, wrapped), abilities)
