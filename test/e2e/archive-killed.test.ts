import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/archive-program.ts'
import { killOver } from '../support/kill-archive.ts'
import { isRoot } from '../support/users.ts'
import { makeWorkspace, type Workspace } from '../support/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test('killed at any moment it has lost nothing, and the next run finishes', async () => {
  expect(await killOver(workspace, riastore, 'file', 8)).toHaveLength(8)
})

test('over ssh too, where 7z on the server may outlive us', async () => {
  expect(await killOver(workspace, riastore, 'ssh', 2)).toHaveLength(2)
})

test.skipIf(!isRoot)('over SFTP too, with bytes on this machine', async () => {
  expect(await killOver(workspace, riastore, 'sftp', 2)).toHaveLength(2)
})
