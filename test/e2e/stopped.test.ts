import { afterEach, beforeEach, expect, test } from 'vitest'
import { runFaults } from '../support/faults/fault-run.ts'
import { chooseSeed } from '../support/faults/numbers.ts'
import { fileSubject, s3Subject } from '../support/faults/subject.ts'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { variants } from '../support/shared/variants.ts'
import { makeS3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram
beforeEach(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterEach(() => workspace?.remove())

const archives = {
  disk: () => fileSubject(workspace, 'disk', 40),
  ssh: () => fileSubject(workspace, 'ssh', 40),
  S3: async () => s3Subject(workspace, await makeS3Scene(workspace), 20),
}

/** Against what hangs: all day long, the machine may be as busy as it likes. */
const plan = { kills: 0, hangMs: 600_000, looksOnly: true, clear: true }

// Programs that are really stopped; test/programs/admin/compaction/stopped.test.ts stops at each
// step.
test.each(variants(['disk'], ['disk', 'ssh', 'S3'] as const))(
  'a run that is stopped, on %s, while somebody on another host breaks its lock, loses nothing when it goes on',
  async (where) => {
    const toll = await runFaults([{ workspace, subject: await archives[where]() }], riastore, {
      ...plan,
      stops: 1,
      seed: chooseSeed(),
      only: 'archive',
    })
    expect(toll).toMatchObject({ kills: 0, stops: 1, problems: [] })
  },
)

const repositories = {
  SFTP: () => fileSubject(workspace, 'ssh', 10),
  S3: async () => s3Subject(workspace, await makeS3Scene(workspace), 10),
}

test.each(variants(['S3'], ['SFTP', 'S3'] as const))(
  'riastore gc that is stopped, on %s, while others push and put packs together, loses no commit when it goes on',
  async (where) => {
    const toll = await runFaults([{ workspace, subject: await repositories[where]() }], riastore, {
      ...plan,
      stops: 2,
      seed: chooseSeed(),
      only: 'gc',
    })
    expect(toll).toMatchObject({ stops: 2, clients: { pushed: expect.any(Number) }, problems: [] })
    expect(toll.clients.pushed).toBeGreaterThan(2)
  },
)
