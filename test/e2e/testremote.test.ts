import { afterAll, beforeAll, expect, test } from 'vitest'
import { explain } from '../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { addDataset, initRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let sshd: Sshd
let repo: AnnexRepo
let dataset: RiaDatasetFiles
let root: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
  root = workspace.path('store')
  dataset = await addDataset(workspace, await makeRiaStore(root))
  repo = await makeAnnexRepo(workspace, 'repo')
})
afterAll(() => workspace?.remove())

async function passesTestremote(remote: string) {
  const result = await repo.tryAnnex('testremote', remote, '--fast')
  expect(result.status, explain(result)).toBe(0)
  expect(result.stdout).toMatch(/All \d+ tests passed/)
  expect(await dataset.keys()).toEqual([])
  await expectNoStrays(dataset)
}

test('git annex testremote --fast passes on ria+file', async () => {
  await passesTestremote(await initRemote(repo, `ria+file://${root}`, dataset.id, { name: 'file' }))
})

test.each(['ssh2', 'openssh'])('git annex testremote --fast passes on ria+ssh through %s', async (channel) => {
  const remote = await initRemote(repo, `ria+ssh://${sshd.alias}${root}`, dataset.id, { name: channel })
  await repo.setConfig(`remote.${remote}.riastore-ssh`, channel)
  await sshd.forgetConnections()
  await passesTestremote(remote)
  expect(await sshd.connections()).toBeGreaterThan(0)
})
