import { afterAll, beforeAll, expect, test } from 'vitest'
import { compactUnderLoad } from '../support/kill/compaction-load.ts'
import { type ArchiveProgram, archivesOf, installArchiveProgram } from '../support/programs/archive-program.ts'
import { dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { openRiaStore } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { published } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const remote = 'store-storage'
const LONG = { runs: 10, rounds: 4 }

let workspace: Workspace
let riastore: ArchiveProgram
let ssh: string
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace, { inProcess: true })
  const sshd = await startSshd(workspace)
  ssh = await sshd.addAlias('load', {})
})
afterAll(() => workspace?.remove())

test('compactions run while clients store, get and drop; none sees an error, and all is as they believe', async () => {
  const root = workspace.path('store')
  const onDisk = await makeDataset(workspace, 'dataset')
  const id = await datasetId(onDisk)
  await published(onDisk, '-s', 'store', '--new-store-ok', `ria+file://${root}`)
  const overSsh = await dataladClone(workspace, `ria+ssh://${ssh}${root}#${id}`, 'clone')
  const clients = [
    { repo: onDisk, name: 'disk', remote },
    { repo: overSsh, name: 'ssh', remote },
  ]
  const [load = LONG] = variants([{ runs: 3, rounds: 2 }], [LONG])
  const done = await compactUnderLoad(riastore, [root, id], clients, load)
  for (const { rounds } of done) expect(rounds).toBeGreaterThanOrEqual(load.rounds)
  expect(await riastore.ok(['archive', '--verify', root, id])).toMatch(/ members, .*\n/)
  expect(
    (await archivesOf(openRiaStore(root).dataset(id))).filter((name) => !/^(archive\.7z|dropped)$/.test(name)),
  ).toEqual([])
})
