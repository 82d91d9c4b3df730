import { chmod, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Finding } from '../../src/core/finding.ts'
import { objectsOf, riastore } from '../support/programs/console-double.ts'
import { runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { makeWorkspace, removeTree, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let sshd: Sshd
beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
})
afterAll(() => workspace?.remove())
beforeEach(() => {
  vi.stubEnv('PATH', workspace.env.PATH) // `ssh` is a wrapper there, with a configuration of its own
})
afterEach(() => vi.unstubAllEnvs())

/** What a doctor finds, who has to end with 0. */
async function findingsOf(url: string): Promise<(name: string) => Finding | undefined> {
  const ran = await riastore(['doctor', '--json', url])
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  const all = objectsOf(ran, 'finding') as unknown as Finding[]
  return (name) => all.find(({ check }) => check === name)
}

async function expectEmptyStore(root: string): Promise<void> {
  expect((await readdir(root)).sort()).toEqual(['error_logs', 'ria-layout-version'])
  expect(await readdir(join(root, 'error_logs'))).toEqual([])
  expect(await readFile(join(root, 'ria-layout-version'), 'utf8')).toBe('1\n')
}

test('a store is made over ssh, and examined, and nothing else stays', async () => {
  const root = workspace.path('over/ssh/store')
  const url = `ria+ssh://${sshd.alias}${root}`
  const made = await riastore(['init', url, '--json'])
  expect(made).toMatchObject({ code: 0, stderr: '' })
  expect(objectsOf(made, 'store')[0]).toMatchObject({ made: true })
  await expectEmptyStore(root)
  const again = await riastore(['init', url, '--json'])
  expect([again.code, objectsOf(again, 'store')[0]?.made]).toEqual([0, false])
  const found = await findingsOf(url)
  expect(found('put-if-absent, race')).toMatchObject({ result: 'ok' })
  expect(found('7z')).toMatchObject({ result: 'ok', why: expect.stringMatching(/^the server runs 7z/) })
  expect(found('free space')).toMatchObject({ why: expect.stringMatching(/GiB left/) })
  await expectEmptyStore(root)
})

test.skipIf(!isRoot)('a store is made by an account with nothing but SFTP, where that may write', async () => {
  // sshd wants every directory above it to be root's alone.
  const chroot = await mkdtemp('/run/riastore-')
  workspace.onRemove(() => removeTree(chroot))
  await chmod(chroot, 0o755)
  await mkdir(join(chroot, 'theirs'))
  await runOk('chown', ['nobody', join(chroot, 'theirs')])
  const jail = await startSshd(workspace, { user: 'nobody', sftpOnly: { chroot } })
  const url = `ria+sftp://${jail.alias}/theirs/store`
  expect(await riastore(['init', url])).toMatchObject({ code: 0, stderr: '' })
  await expectEmptyStore(join(chroot, 'theirs/store'))
  const found = await findingsOf(url)
  expect(found('put-if-absent, race')).toMatchObject({ result: 'ok' })
  expect(found('7z')).toMatchObject({ why: expect.stringMatching(/^the server runs no 7z/) })
  await expectEmptyStore(join(chroot, 'theirs/store'))

  const refused = await riastore(['init', `ria+sftp://${jail.alias}/store`])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/^riastore: init [^\n]*nothing can be written there \([^)]*\): may we write[^\n]*\n$/)
  expect(await readdir(chroot)).toEqual(['theirs'])
})

test('DataLad takes a store that riastore made for one of its own', async () => {
  const root = workspace.path('for-datalad')
  expect(await riastore(['init', root])).toMatchObject({ code: 0, stderr: '' })
  const repo = await makeDataset(workspace, 'dataset')
  await repo.add({ 'data.bin': 'content' })
  // Without --new-store-ok it makes none.
  await repo.datalad('create-sibling-ria', '-s', 'store', `ria+file://${root}`)
  await repo.datalad('push', '--to', 'store')
  const clone = await dataladClone(workspace, `ria+file://${root}#${await datasetId(repo)}`, 'clone')
  await clone.datalad('get', '.')
  expect((await clone.read('data.bin')).toString()).toBe('content')
  await findingsOf(root)
})
