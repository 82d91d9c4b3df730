import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { runOk } from '../support/programs/run.ts'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { withAccount } from '../support/servers/s3.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { created, riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const files = { ...assortedFiles(), 'large.bin': Buffer.alloc(20 * 1024 * 1024, 'riastore') }

let workspace: Workspace
let scene: S3Scene
let alice: AnnexRepo
beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  const page = await readFile(join(projectDirectory, 'docs/s3.md'), 'utf8')
  const [, ofUsers] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text ?? '')
  expect(ofUsers).toContain('user/alice')
  const { client, bucket: Bucket, addUser } = scene.s3
  const [account, other] = [await addUser('alice'), await addUser('bob')]
  // The page's names, for ours.
  const names = { 'user/alice': `user/${account.user}`, 'user/bob': `user/${other.user}`, ':::bucket': `:::${Bucket}` }
  const Policy = Object.entries(names).reduce((text, [from, to]) => text.replaceAll(from, to), ofUsers ?? '')
  await client().send(new PutBucketPolicyCommand({ Bucket, Policy }))
  const env = withAccount(workspace.env, account)
  alice = (await makeDataset(workspace, 'dataset')).with({ env })
  await alice.add(files)
})
afterAll(() => workspace?.remove())

test("the policy of docs/s3.md for a project's users is enough for all that they do", async () => {
  const { env = {} } = alice.options
  await created(alice, '-s', 'store', '--alias', 'mydata', scene.url)
  await alice.datalad('push', '--to', 'store')
  const riastore = (...args: string[]) => runOk(process.execPath, [riastoreProgram(workspace), ...args], { env })
  const id = await datasetId(alice)
  await riastore('archive', '--yes', scene.url, id)
  await riastore('gc', scene.url, id)
  const clone = (await dataladClone(workspace, `${scene.url}#~mydata`, 'clone', { env })).with({ env })
  await clone.datalad('get', '.')
  for (const [file, content] of Object.entries(files)) {
    expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
  await alice.annex('drop', '--from', 'store-storage', 'large.bin')
  await riastore('unarchive', scene.url, id)
})
