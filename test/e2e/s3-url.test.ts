import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { explain, type Result } from '../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { initRemote } from '../support/repos/ria-store.ts'
import { policyForAll } from '../support/servers/s3.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const ID = 'links-0001-of-the-dataset'
const CONTENT = 'what the link leads to\n'
/** Not as it stands in a URL, nor in a header. */
const FILE = 'sub dir/a "file"; é (1).txt'

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo
let riastore: ArchiveProgram
let env: NodeJS.ProcessEnv
let url: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace, { prefix: 'a store' })
  env = scene.env
  url = scene.directUrl
  await scene.addDataset(ID)
  repo = (await makeAnnexRepo(workspace, 'repo')).with({ env })
  await repo.add({ [FILE]: CONTENT, 'other.txt': 'not stored\n' })
  await mkdir(dirname(`${repo.path}/plain.txt`), { recursive: true })
  await writeFile(`${repo.path}/plain.txt`, 'not annexed')
  const remote = await initRemote(repo, url, ID)
  await repo.annex('copy', '--to', remote, FILE)
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const link = (...words: string[]): Promise<Result> => riastore.run(['url', ...words], { env, cwd: repo.path })

async function fails(code: number, reason: RegExp, ...words: string[]): Promise<void> {
  const result = await link(...words)
  expect([result.status, result.stdout], explain(result)).toEqual([code, ''])
  expect(result.stderr).toMatch(reason)
  expect(result.stderr.trim().split('\n')).toHaveLength(1)
  expect(result.stderr).not.toMatch(/signature|secret-that/i)
}

test('a link leads anybody to the content of a file, under its own name', async () => {
  const result = await link(url, ID, FILE)
  expect(result.status, explain(result)).toBe(0)
  const answer = await fetch(result.stdout.trim())
  expect([answer.status, await answer.text()]).toEqual([200, CONTENT])
  const name = encodeURIComponent('a "file"; é (1).txt').replace('(', '%28').replace(')', '%29')
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename*=UTF-8''${name}`)
  expect(result.stdout.trim().split('\n')).toHaveLength(1)
  expect(result.stdout).not.toContain('secret-that')
  const [, until = ''] = /^it works until (\S+)$/m.exec(result.stderr) ?? []
  expect(Math.abs(Date.parse(until) - Date.now() - 3_600_000)).toBeLessThan(600_000)
})

test('a link is made of a key as of its file, and the dataset may stand in the URL', async () => {
  const result = await link(`${url}#${ID}`, await repo.key(FILE), '--expires', '2d')
  expect(result.status, explain(result)).toBe(0)
  expect(result.stdout).toContain('X-Amz-Expires=172800')
  expect(await (await fetch(result.stdout.trim())).text()).toBe(CONTENT)
})

test('a link that was changed, or has expired, leads nowhere', async () => {
  const { stdout } = await link(url, ID, FILE, '--expires', '1s')
  const longer = await fetch(stdout.trim().replace('X-Amz-Expires=1&', 'X-Amz-Expires=1000&'))
  expect(longer.status).toBe(403)
  await expect.poll(async () => (await fetch(stdout.trim())).status).toBe(403)
})

test('what has no link is refused in one line', async () => {
  await fails(1, /key \S+ is not in the store/, url, ID, 'other.txt')
  await fails(2, /"plain.txt" is no annexed file/, url, ID, 'plain.txt')
  await fails(2, /"nothing" is neither a key nor a file/, url, ID, 'nothing')
  await fails(1, /the dataset nobodys-0001-abc is not in the store/, url, 'nobodys-0001-abc', FILE)
  await fails(2, /give a dataset/, url, ID)
  await fails(2, /stores in S3 only/, `ria+file://${repo.path}`, ID, FILE)
  await fails(2, /--expires has to be from 1s to 7d/, url, ID, FILE, '--expires', '8d')
  await fails(1, /there is no bucket nowhere/, url.replace(`/${scene.s3.bucket}/`, '/nowhere/'), ID, FILE)
})

test('without credentials there is the address of what is public', async () => {
  const { client, bucket: Bucket } = scene.s3
  const Policy = policyForAll(Bucket, ['s3:GetObject', 's3:ListBucket'])
  await client().send(new PutBucketPolicyCommand({ Bucket, Policy }))
  // Not in the clone: there git-annex keeps credentials for this store.
  const key = await repo.key(FILE)
  const result = await riastore.run(['url', url, ID, key], { env: scene.anonymousEnv, cwd: '/' })
  expect(result.status, explain(result)).toBe(0)
  expect(result.stderr).toContain('does not expire')
  expect(result.stdout).not.toContain('?')
  expect(await (await fetch(result.stdout.trim())).text()).toBe(CONTENT)
})

test('a key in the archive has none, and is told so', async () => {
  await riastore.ok(['archive', url, ID], { env })
  await fails(1, /is in the dataset's archive, and a link can lead to a whole object only/, url, ID, FILE)
})
