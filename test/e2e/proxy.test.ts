import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { run } from '../support/programs/run.ts'
import { dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { policyForAll, type TestS3, useTestS3, withAccount } from '../support/servers/s3.ts'
import { BEHIND, type Squid, startSquid } from '../support/servers/squid.ts'
import { created } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram
let squid: Squid
let s3: TestS3

beforeAll(async () => {
  workspace = await makeWorkspace()
  ;[riastore, squid, s3] = await Promise.all([installArchiveProgram(workspace), startSquid(), useTestS3()])
})
afterAll(async () => {
  await squid?.close()
  await workspace?.remove()
})

/** The name of the server is known to the proxy alone, so nothing reaches it directly. */
test('init, push, clone and get work on S3, and clone and get by HTTP, through a proxy alone', async () => {
  const direct = withAccount(workspace.env, s3.account)
  const env = { ...direct, http_proxy: `http://${squid.host}` }
  const place = `http://${BEHIND}:${new URL(s3.endpoint).port}/${s3.bucket}/store`

  const without = await riastore.run(['init', `ria+s3+${place}`], { env: direct })
  expect([without.status, without.stderr]).toEqual([4, expect.stringContaining(BEHIND)])
  await riastore.ok(['init', `ria+s3+${place}`], { env })

  const dataset = (await makeDataset(workspace, 'dataset')).with({ env })
  await dataset.add({ 'a.dat': 'what went through the proxy\n' })
  await created(dataset, '-s', 'store', `ria+s3+${place}`)
  await dataset.datalad('push', '--to', 'store')
  const id = await datasetId(dataset)

  const Policy = policyForAll(s3.bucket, ['s3:GetObject', 's3:ListBucket'])
  await s3.client().send(new PutBucketPolicyCommand({ Bucket: s3.bucket, Policy }))
  const plain = { ...withAccount(workspace.env), http_proxy: `http://${squid.host}` }
  for (const [name, url, of] of [
    ['s3', `ria+s3+${place}`, env],
    ['web', `ria+${place}`, plain],
  ] as const) {
    const clone = await dataladClone(workspace, `${url}#${id}`, `clone-${name}`, { env: of })
    await clone.datalad('get', 'a.dat')
    expect(String(await clone.read('a.dat'))).toBe('what went through the proxy\n')
  }
  const git = await run('git', ['ls-remote', `s3+${place}/${id.slice(0, 3)}/${id.slice(3)}`], { env: direct })
  expect(git.status).not.toBe(0)
  expect((await squid.asked()).some((line) => line.includes(`PUT http://${BEHIND}`))).toBe(true)
})
