import { afterAll, beforeAll, expect, test } from 'vitest'
import { killOver } from '../support/kill/kill-archive.ts'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { isRoot } from '../support/programs/users.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test('killed at any moment it has lost nothing, and the next run finishes', async () => {
  expect(await killOver(workspace, riastore, 'file', 3)).toHaveLength(3)
})

test('over ssh too, where 7z on the server may outlive us', async () => {
  expect(await killOver(workspace, riastore, 'ssh', 1)).toHaveLength(1)
})

test.skipIf(!isRoot)('over SFTP too, with bytes on this machine', async () => {
  expect(await killOver(workspace, riastore, 'sftp', 1)).toHaveLength(1)
})
