import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type ArchiveProgram,
  installArchiveProgram,
  makeKeys,
  putKeys,
} from '../../support/programs/archive-program.ts'
import { runOk } from '../../support/programs/run.ts'
import { addDataset, makeRiaStore } from '../../support/repos/ria-store.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const KEYS = 100_000
const TEN_MINUTES_MS = 600_000

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

/** The figure in docs/archives.md. */
test('a dataset of 100,000 keys takes a handful of inodes once it is archived', async () => {
  const dataset = await addDataset(workspace, await makeRiaStore(workspace.path('store')))
  const found = async (directory: string) =>
    Number((await runOk('sh', ['-c', 'find "$0" | wc -l', join(dataset.path, directory)])).stdout)
  const git = (await found('.')) - 2 // annex/objects and archives
  await putKeys(dataset, makeKeys(KEYS, 1_000))
  const before = await found('.')
  const began = performance.now()
  const [report] = await riastore.json(['archive', workspace.path('store'), dataset.id], { timeoutMs: TEN_MINUTES_MS })
  const seconds = Math.round((performance.now() - began) / 1000)
  const after = await found('.')
  console.log(`find | wc -l: ${before} before, ${after} after, ${git} of them git's; it took ${seconds} s`)
  expect(report).toMatchObject({ packed: { keys: KEYS }, after: { looseKeys: 0, archivedKeys: KEYS, inodes: 1 } })
  expect(report).toMatchObject({ before: { inodes: before - after + 1 } })
  expect(after - git).toBe(3) // annex/objects, archives and the archive
})
