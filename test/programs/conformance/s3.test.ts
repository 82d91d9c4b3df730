import { randomUUID } from 'node:crypto'
import type { S3Settings } from '../../../src/store/s3/client.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { type Subject, storeConformance } from '../../conformance/store-conformance.ts'
import { useTestS3 } from '../../support/servers/s3.ts'
import { wrapped } from '../../support/stores/stores.ts'

/**
 * The server that RIASTORE_TEST_S3_{ENDPOINT,BUCKET,ACCESS_KEY,SECRET_KEY} name, else the Ceph of
 * the test run.
 */
async function place() {
  const { RIASTORE_TEST_S3_ENDPOINT: endpoint, RIASTORE_TEST_S3_BUCKET: bucket } = process.env
  const { RIASTORE_TEST_S3_ACCESS_KEY: accessKeyId, RIASTORE_TEST_S3_SECRET_KEY: secretAccessKey } = process.env
  if (endpoint && bucket && accessKeyId && secretAccessKey) {
    return { endpoint, bucket, credentials: { accessKeyId, secretAccessKey }, isOurs: false }
  }
  const s3 = await useTestS3()
  return { endpoint: s3.endpoint, bucket: s3.bucket, credentials: s3.account, isOurs: true }
}

const { isOurs, ...server } = await place()

/** Whose server outlives the tests gets back what was put there. */
async function empty(prefix: string): Promise<void> {
  if (isOurs) return
  const store = openS3Store({ ...server, prefix })
  for await (const { path } of store.list('')) await store.remove(path)
  await store.close()
}

async function setUp(
  settings: Partial<S3Settings>,
  wrap: (store: Store) => Store = (store) => store,
): Promise<Subject> {
  const prefix = `test-${randomUUID()}/a store`
  const store = wrap(openS3Store({ ...server, prefix, ...settings }))
  return { store, cleanUp: () => store.close().then(() => empty(prefix)) }
}

const abilities = { appends: false, timesPuts: false }

// Pages are the backend's own: wrappers see no more of them than what it lists.
storeConformance('the S3 store', () => setUp({}), { ...abilities, namesAtOnce: 1000 })
storeConformance('the S3 store in all wrappers', () => setUp({ unsignedPayload: true }, wrapped), abilities)
