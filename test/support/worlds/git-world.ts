import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { datasetDirectory } from '../../../src/ria/layout.ts'
import { openS3Store } from '../../../src/store/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { explain, type Result, run } from '../programs/run.ts'
import { type CephRgw, startCephRgw } from '../servers/ceph-rgw.ts'
import { type S3Faults, startS3Faults } from '../servers/s3-faults.ts'
import { write } from '../stores/stores.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/** A store in a bucket of a real Ceph, seen through a server that counts requests and can misbehave; and git. */
export interface GitWorld {
  readonly workspace: Workspace
  readonly ceph: CephRgw
  readonly faults: S3Faults
  /** The store, past the server that misbehaves. */
  readonly bucket: Store
  readonly env: NodeJS.ProcessEnv
  /** `ria+s3+http://…`, as `riastore` wants it. */
  readonly storeUrl: string
  /** Makes an empty dataset and gives its URL for git. */
  dataset(id: string): Promise<string>
  git(cwd: string, ...args: string[]): Promise<Result>
  /** Its stdout; fails when git does. */
  gitOk(cwd: string, ...args: string[]): Promise<string>
  commit(repo: string, name: string, content?: string | Uint8Array): Promise<void>
  newRepo(name: string): Promise<string>
  clone(url: string, name: string, ...options: string[]): Promise<string>
  remove(): Promise<void>
}

/** `isPublic`: anybody may read and write, so that requests need no signature. */
export async function makeGitWorld({ isPublic = false } = {}): Promise<GitWorld> {
  const workspace = await makeWorkspace()
  const ceph = await startCephRgw()
  workspace.onRemove(ceph.stop)
  await ceph.makeBucket('bucket')
  if (isPublic) {
    const Resource = ['arn:aws:s3:::bucket', 'arn:aws:s3:::bucket/*']
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: ['s3:*'], Resource }],
    })
    await ceph.client().send(new PutBucketPolicyCommand({ Bucket: 'bucket', Policy }))
  }
  const faults = await startS3Faults(ceph.endpoint)
  workspace.onRemove(faults.close)
  const { accessKeyId, secretAccessKey } = ceph.account
  const keys = isPublic ? {} : { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  const env = { ...workspace.env, AWS_EC2_METADATA_DISABLED: 'true', ...keys }
  const bucket = openS3Store({ endpoint: ceph.endpoint, bucket: 'bucket', prefix: 'store', credentials: ceph.account })
  workspace.onRemove(() => bucket.close())
  await write(bucket, 'ria-layout-version', '1\n')
  const git = (cwd: string, ...args: string[]) => run('git', args, { env, cwd })
  const gitOk = async (cwd: string, ...args: string[]) => {
    const result = await git(cwd, ...args)
    if (result.status !== 0) throw new Error(explain(result))
    return result.stdout
  }
  const base = `s3+${faults.endpoint}/bucket/store`
  return {
    workspace,
    ceph,
    faults,
    bucket,
    env,
    storeUrl: `ria+${base}`,
    git,
    gitOk,
    dataset: async (id) => {
      await write(bucket, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
      return `${base}/${datasetDirectory(id)}`
    },
    commit: async (repo, name, content = name) => {
      await writeFile(join(repo, name), content)
      await gitOk(repo, 'add', name)
      await gitOk(repo, 'commit', '-q', '-m', name)
    },
    newRepo: async (name) => {
      const repo = workspace.path(name)
      await mkdir(repo)
      await gitOk(repo, 'init', '-q')
      return repo
    },
    clone: async (url, name, ...options) => {
      await gitOk(workspace.directory, 'clone', '-q', ...options, url, workspace.path(name))
      return workspace.path(name)
    },
    remove: workspace.remove,
  }
}
