import { afterAll, beforeAll, expect, test } from 'vitest'
import { chooseSeed, fileSubject, runFaults, s3Subject } from '../../support/kill/fault-run.ts'
import { type ArchiveProgram, installArchiveProgram } from '../../support/programs/archive-program.ts'
import { makeS3Scene } from '../../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

/** Of each place. Together, by default, 1,000 kills and 300 stops. */
const KILLS = Number(process.env.RIASTORE_FAULT_KILLS ?? 334)
const STOPS = Number(process.env.RIASTORE_FAULT_STOPS ?? 100)

let workspace: Workspace
let riastore: ArchiveProgram
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const subjects = {
  disk: () => fileSubject(workspace, 'disk', 200),
  ssh: () => fileSubject(workspace, 'ssh', 200),
  S3: async () => s3Subject(workspace, await makeS3Scene(workspace), 40),
}

test.each(['disk', 'ssh', 'S3'] as const)(
  'on %s nothing is lost, no client is told a lie and nothing hangs, whatever is killed and stopped',
  async (where) => {
    const toll = await runFaults(riastore, await subjects[where](), { seed: chooseSeed(), kills: KILLS, stops: STOPS })
    console.log(where, JSON.stringify(toll))
    expect(toll).toEqual({ kills: KILLS, stops: STOPS, falseAnswers: 0, hangs: 0 })
  },
  6 * 3_600_000,
)
