/** The S3 server of a run: the tests' own Ceph. */
import { loadSupport } from './support.mjs'

/**
 * git-annex's own S3 remote signs the name of the host without its port: only at this one a server
 * lets it in.
 */
const PORT = 80

export const HOST = '127.0.0.1'

/**
 * @typedef {object} S3Server
 * @property {{accessKeyId: string, secretAccessKey: string}} account
 * @property {NodeJS.ProcessEnv} credentials
 * @property {(bucket: string) => Promise<void>} makeBucket
 * @property {(bucket: string, path: string, content: string) => Promise<unknown>} put
 * @property {(bucket: string) => Promise<string[]>} list
 * @property {(bucket: string, paths: string[]) => Promise<void>} remove
 * @property {(bucket: string, count: number) => Promise<Record<string, number>>} timeRequests
 * seconds for so many of each kind
 * @property {() => Promise<void>} stop
 */

/** @returns {Promise<S3Server>} */
export async function startS3() {
  const { startCephRgw } = await loadSupport('servers/ceph-rgw')
  const sdk = await import('@aws-sdk/client-s3')
  const ceph = await startCephRgw({ port: PORT })
  const client = ceph.client()
  const { account } = ceph
  return {
    account,
    credentials: { AWS_ACCESS_KEY_ID: account.accessKeyId, AWS_SECRET_ACCESS_KEY: account.secretAccessKey },
    makeBucket: ceph.makeBucket,
    put: (Bucket, Key, Body) => client.send(new sdk.PutObjectCommand({ Bucket, Key, Body })),
    async list(Bucket) {
      const found = []
      for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket })) {
        found.push(...Contents.map(({ Key }) => Key))
      }
      return found
    },
    async remove(Bucket, paths) {
      for (const Key of paths) await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }))
    },
    async timeRequests(Bucket, count) {
      const of = (/** @type {number} */ i) => ({ Bucket, Key: `timed/${i}` })
      const kinds = {
        PUT: (/** @type {number} */ i) => new sdk.PutObjectCommand({ ...of(i), Body: Buffer.alloc(5000) }),
        HEAD: (/** @type {number} */ i) => new sdk.HeadObjectCommand(of(i)),
        GET: (/** @type {number} */ i) => new sdk.GetObjectCommand(of(i)),
        DELETE: (/** @type {number} */ i) => new sdk.DeleteObjectCommand(of(i)),
      }
      /** @type {Record<string, number>} */
      const times = {}
      for (const [kind, command] of Object.entries(kinds)) {
        const start = performance.now()
        for (let i = 0; i < count; i++) {
          const { Body } = await client.send(command(i))
          await Body?.transformToByteArray()
        }
        times[kind] = (performance.now() - start) / 1000
      }
      return times
    },
    stop: ceph.stop,
  }
}
