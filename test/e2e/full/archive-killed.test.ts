import { afterAll, beforeAll, expect, test } from 'vitest'
import { killOver } from '../../support/kill/kill-archive.ts'
import { type ArchiveProgram, installArchiveProgram } from '../../support/programs/archive-program.ts'
import { isRoot } from '../../support/programs/users.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test.each(isRoot ? (['file', 'ssh', 'sftp'] as const) : (['file', 'ssh'] as const))(
  'killed at 50 random moments over %s it has lost nothing, and each time the next run finishes',
  async (access) => {
    const states = await killOver(workspace, riastore, access, 50)
    expect(states).toHaveLength(50)
    // The moments were not all the same.
    for (const command of ['archive', 'unarchive']) {
      expect(
        new Set(states.filter((state) => state.startsWith(`${command}:`))).size,
        states.join('\n'),
      ).toBeGreaterThan(2)
    }
  },
)
