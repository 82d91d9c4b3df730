import { afterAll, beforeAll, expect, test } from 'vitest'
import { killCopies } from '../../support/kill/kill-copy.ts'
import { type ArchiveProgram, installArchiveProgram } from '../../support/programs/archive-program.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test('killed at 50 random moments, a copy shows nothing that is not whole, and the next run finishes it', async () => {
  expect(await killCopies(workspace, riastore, 50, 2000)).toBe(50)
})
