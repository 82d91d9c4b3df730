import { afterAll, beforeAll, expect, test } from 'vitest'
import { runFaults } from '../support/faults/fault-run.ts'
import { chooseSeed } from '../support/faults/numbers.ts'
import { fileSubject, s3Subject } from '../support/faults/subject.ts'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { variants } from '../support/shared/variants.ts'
import { makeS3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const subjects = {
  SFTP: () => fileSubject(workspace, 'ssh', 10),
  S3: async () => s3Subject(workspace, await makeS3Scene(workspace), 10),
}

test.each(variants(['S3'], ['SFTP', 'S3'] as const))(
  'riastore gc that is stopped, on %s, while others push and put packs together, loses no commit when it goes on',
  async (where) => {
    const plan = {
      seed: chooseSeed(),
      kills: 0,
      stops: 2,
      hangMs: 600_000,
      only: 'gc',
      looksOnly: true,
      clear: true,
    } as const
    const toll = await runFaults([{ workspace, subject: await subjects[where]() }], riastore, plan)
    expect(toll).toMatchObject({ stops: 2, clients: { pushed: expect.any(Number) }, problems: [] })
    expect(toll.clients.pushed).toBeGreaterThan(2)
  },
)
