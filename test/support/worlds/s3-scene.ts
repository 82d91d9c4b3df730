import { datasetDirectory } from '../../../src/ria/layout.ts'
import { openS3Store } from '../../../src/store/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { type CephRgw, startCephRgw } from '../servers/ceph-rgw.ts'
import { type S3Faults, startS3Faults } from '../servers/s3-faults.ts'
import { write } from '../stores/stores.ts'
import type { Workspace } from './workspace.ts'

/** A RIA store in a bucket of a real Ceph, which the programs reach through a server that can misbehave. */
export interface S3Scene {
  readonly ceph: CephRgw
  readonly faults: S3Faults
  /** The store, past the server that misbehaves. */
  readonly bucket: Store
  /** `ria+s3+http://…` */
  readonly url: string
  /** With the credentials of the bucket's owner. */
  readonly env: NodeJS.ProcessEnv
  /** Without any. */
  readonly anonymousEnv: NodeJS.ProcessEnv
  /** Makes an empty dataset and gives its id. */
  addDataset(id: string): Promise<string>
}

export async function makeS3Scene(workspace: Workspace, { layout = '1\n' } = {}): Promise<S3Scene> {
  const ceph = await startCephRgw()
  workspace.onRemove(ceph.stop)
  const faults = await startS3Faults(ceph.endpoint)
  workspace.onRemove(() => faults.close())
  await ceph.makeBucket('bucket')
  const { accessKeyId, secretAccessKey } = ceph.account
  // Nobody looks for the role of a cloud instance: that takes a second.
  const anonymousEnv = { ...workspace.env, AWS_EC2_METADATA_DISABLED: 'true' }
  const bucket = openS3Store({ endpoint: ceph.endpoint, bucket: 'bucket', prefix: 'store', credentials: ceph.account })
  workspace.onRemove(() => bucket.close())
  await write(bucket, 'ria-layout-version', layout)
  return {
    ceph,
    faults,
    bucket,
    url: `ria+s3+${faults.endpoint}/bucket/store`,
    env: { ...anonymousEnv, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    anonymousEnv,
    addDataset: async (id) => {
      await write(bucket, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
      return id
    },
  }
}
