import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory } from '../../src/ria/layout/paths.ts'
import { run } from '../support/programs/run.ts'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { initRemote } from '../support/repos/ria-store.ts'
import { policyForAll } from '../support/servers/s3.ts'
import { paths, write } from '../support/stores/stores.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const files = assortedFiles()

let workspace: Workspace
let scene: S3Scene
let id: string
let publicUrl: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  const repo = (await makeDataset(workspace, 'dataset')).with({ env: scene.env })
  id = await scene.addDataset(await datasetId(repo))
  await repo.add(files)
  await initRemote(repo, scene.url, id, { name: 'store-storage', settings: { autoenable: 'true' } })
  // As create-sibling leaves it: by the uuid DataLad finds the storage sibling of a clone that came
  // by another URL.
  const core = '[core]\n\trepositoryformatversion = 0\n\tbare = true\n'
  const config = `${core}[datalad "ora-remote"]\n\tuuid = ${await repo.uuid('store-storage')}\n`
  await write(scene.bucket, `${datasetDirectory(id)}/config`, config)
  await repo.git('remote', 'add', 'store', `${scene.url.slice('ria+'.length)}/${datasetDirectory(id)}`)
  await repo.setConfig('remote.store.annex-ignore', 'true')
  await repo.annex('copy', '--to', 'store-storage', '-J4')
  await repo.git('push', '-q', 'store', 'main', 'git-annex')
  const { client, bucket: Bucket } = scene.s3
  const Policy = policyForAll(Bucket, ['s3:GetObject', 's3:ListBucket'])
  await client().send(new PutBucketPolicyCommand({ Bucket, Policy }))
  publicUrl = scene.url.replace('ria+s3+', 'ria+')
})
afterAll(() => workspace?.remove())

async function expectAllGot(clone: AnnexRepo): Promise<void> {
  await clone.datalad('get', '.')
  for (const [file, content] of Object.entries(files)) {
    expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
}

test('a public bucket is cloned and read by a DataLad that has none of our programs', async () => {
  const programs = await run('sh', ['-c', 'command -v git-remote-s3+http'], { env: workspace.stockEnv })
  expect(programs.stdout).toBe('')
  scene.faults.reset()
  const clone = await dataladClone(workspace, `${publicUrl}#${id}`, 'clone', { env: workspace.stockEnv })
  await expectAllGot(clone)
  expect(scene.faults.headers.filter(({ authorization }) => authorization !== undefined)).toEqual([])
})

test('and by ours, over HTTP as over S3, without credentials', async () => {
  for (const [name, url] of [
    ['http', publicUrl],
    ['s3', scene.url],
  ]) {
    const clone = await dataladClone(workspace, `${url}#${id}`, `clone-${name}`, { env: scene.anonymousEnv })
    await expectAllGot(clone)
  }
})

test('nobody but its owner writes to it', async () => {
  const before = await paths(scene.bucket, '')
  const clone = await dataladClone(workspace, `${scene.url}#${id}`, 'intruder', { env: scene.anonymousEnv })
  await clone.add({ 'mine.txt': 'mine\n' })
  expect((await clone.tryAnnex('copy', '--to', 'store-storage', 'mine.txt')).status).toBe(1)
  expect((await clone.try('git', 'push', 'origin', 'HEAD:refs/heads/mine')).status).not.toBe(0)
  expect(await paths(scene.bucket, '')).toEqual(before)
})
