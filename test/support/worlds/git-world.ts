import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { type GitCommands, gitCommands } from './git-commands.ts'
import { makeS3Scene, type S3Scene } from './s3-scene.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/**
 * A store in a bucket of a real Ceph, seen through a server that counts requests and can misbehave;
 * and git.
 */
export interface GitWorld extends GitCommands, Pick<S3Scene, 's3' | 'faults' | 'bucket' | 'env'> {
  readonly workspace: Workspace
  /** `ria+s3+http://…`, as `riastore` wants it. */
  readonly storeUrl: string
  /** Makes an empty dataset and gives its URL for git. */
  dataset(id: string): Promise<string>
  remove(): Promise<void>
}

/** `isPublic`: anybody may read and write, so that requests need no signature. */
export async function makeGitWorld({ isPublic = false } = {}): Promise<GitWorld> {
  const workspace = await makeWorkspace()
  const { s3, faults, bucket, env, url, addDataset } = await makeS3Scene(workspace, { isPublic })
  return {
    ...gitCommands(workspace, env),
    workspace,
    s3,
    faults,
    bucket,
    env,
    storeUrl: url,
    dataset: async (id) => `${url.slice('ria+'.length)}/${datasetDirectory(await addDataset(id))}`,
    remove: workspace.remove,
  }
}
