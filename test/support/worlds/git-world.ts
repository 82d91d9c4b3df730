import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { datasetDirectory } from '../../../src/ria/layout.ts'
import { explain, type Result, run } from '../programs/run.ts'
import { makeS3Scene, type S3Scene } from './s3-scene.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/** A store in a bucket of a real Ceph, seen through a server that counts requests and can misbehave; and git. */
export interface GitWorld extends Pick<S3Scene, 's3' | 'faults' | 'bucket' | 'env'> {
  readonly workspace: Workspace
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
  const { s3, faults, bucket, env, url, addDataset } = await makeS3Scene(workspace, { isPublic })
  const git = (cwd: string, ...args: string[]) => run('git', args, { env, cwd })
  const gitOk = async (cwd: string, ...args: string[]) => {
    const result = await git(cwd, ...args)
    if (result.status !== 0) throw new Error(explain(result))
    return result.stdout
  }
  return {
    workspace,
    s3,
    faults,
    bucket,
    env,
    storeUrl: url,
    git,
    gitOk,
    dataset: async (id) => `${url.slice('ria+'.length)}/${datasetDirectory(await addDataset(id))}`,
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
