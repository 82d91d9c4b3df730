import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { recordAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { policyForAll, type TestS3, useTestS3, withAccount } from '../servers/s3.ts'
import { type S3Faults, startS3Faults } from '../servers/s3-faults.ts'
import { write } from '../stores/stores.ts'
import type { Workspace } from './workspace.ts'

/**
 * A RIA store in a bucket of a real Ceph, which the programs reach through a server that can
 * misbehave.
 */
export interface S3Scene {
  readonly s3: TestS3
  readonly faults: S3Faults
  /** The store, past the server that misbehaves. */
  readonly bucket: Store
  /** `ria+s3+http://…`, through the server that can misbehave. */
  readonly url: string
  /** The same, past it. */
  readonly directUrl: string
  /** With the credentials of the bucket's owner. */
  readonly env: NodeJS.ProcessEnv
  /** Without any. */
  readonly anonymousEnv: NodeJS.ProcessEnv
  /** Makes an empty dataset and gives its id. */
  addDataset(id: string): Promise<string>
}

export interface S3SceneOptions {
  /** What the store's layout file says. */
  readonly layout?: string
  /** Where in the bucket the store lies. */
  readonly prefix?: string
  /**
   * Anybody may read and write, so that requests need no signature, and `env` has no credentials.
   */
  readonly isPublic?: boolean
}

export async function makeS3Scene(
  workspace: Workspace,
  { layout = '1\n', prefix = 'store', isPublic = false }: S3SceneOptions = {},
): Promise<S3Scene> {
  const s3 = await useTestS3()
  const faults = await startS3Faults(s3.endpoint)
  workspace.onRemove(() => faults.close())
  if (isPublic) {
    await s3.client().send(new PutBucketPolicyCommand({ Bucket: s3.bucket, Policy: policyForAll(s3.bucket) }))
  }
  const bucket = openS3Store({ endpoint: s3.endpoint, bucket: s3.bucket, prefix, credentials: s3.account })
  workspace.onRemove(() => bucket.close())
  await write(bucket, 'ria-layout-version', layout)
  // So that the programs need not try again what Ceph does: that takes three hundred requests.
  for (const endpoint of [s3.endpoint, faults.endpoint]) {
    const store = openS3Store({ endpoint, bucket: s3.bucket, prefix, credentials: s3.account })
    await recordAtomicPuts(store, {})
    await store.close()
  }
  faults.reset()
  const at = (endpoint: string) => `ria+s3+${endpoint}/${s3.bucket}/${encodeURIComponent(prefix)}`
  return {
    s3,
    faults,
    bucket,
    url: at(faults.endpoint),
    directUrl: at(s3.endpoint),
    env: withAccount(workspace.env, isPublic ? undefined : s3.account),
    anonymousEnv: withAccount(workspace.env),
    addDataset: async (id) => {
      await write(bucket, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
      return id
    },
  }
}
