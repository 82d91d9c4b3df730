import { openS3Store } from '../../../src/store/s3.ts'
import type { S3Credentials, S3Settings } from '../../../src/store/s3-client.ts'
import { startCephRgw } from '../servers/ceph-rgw.ts'

/** An S3 server to test with, and a bucket on it. */
export interface TestS3 {
  readonly settings: S3Settings & { readonly credentials: S3Credentials }
  /** Removes what lies below a prefix; a server that ends with the tests keeps it. */
  empty(prefix: string): Promise<void>
  stop(): Promise<void>
}

/** The server that RIASTORE_TEST_S3_{ENDPOINT,BUCKET,ACCESS_KEY,SECRET_KEY} name, else a real Ceph of our own. */
export async function startTestS3(): Promise<TestS3> {
  const { RIASTORE_TEST_S3_ENDPOINT: endpoint, RIASTORE_TEST_S3_BUCKET: bucket } = process.env
  const { RIASTORE_TEST_S3_ACCESS_KEY: accessKeyId, RIASTORE_TEST_S3_SECRET_KEY: secretAccessKey } = process.env
  if (endpoint && bucket && accessKeyId && secretAccessKey) {
    const settings = { endpoint, bucket, credentials: { accessKeyId, secretAccessKey } }
    const empty = async (prefix: string) => {
      const store = openS3Store({ ...settings, prefix })
      for await (const { path } of store.list('')) await store.remove(path)
      await store.close()
    }
    return { settings, empty, stop: async () => {} }
  }
  const ceph = await startCephRgw()
  await ceph.makeBucket('bucket')
  const settings = { endpoint: ceph.endpoint, bucket: 'bucket', credentials: ceph.account }
  return { settings, empty: async () => {}, stop: ceph.stop }
}
