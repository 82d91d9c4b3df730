import { afterAll, beforeAll, expect, test } from 'vitest'
import { runFaults } from '../../support/faults/fault-run.ts'
import { chooseSeed } from '../../support/faults/numbers.ts'
import { fileSubject, s3Subject } from '../../support/faults/subject.ts'
import { type ArchiveProgram, installArchiveProgram } from '../../support/programs/archive-program.ts'
import { makeS3Scene } from '../../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

/** Of each place. Together, by default, 1,000 kills and 300 stops. */
const KILLS = Number(process.env.RIASTORE_FAULT_KILLS ?? 334)
const STOPS = Number(process.env.RIASTORE_FAULT_STOPS ?? 100)
/** For each place; without it all that was asked for has to be done. */
const MINUTES = process.env.RIASTORE_FAULT_MINUTES

let workspace: Workspace
let riastore: ArchiveProgram
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const subjects = {
  disk: () => fileSubject(workspace, 'disk', 100),
  ssh: () => fileSubject(workspace, 'ssh', 100),
  S3: async () => s3Subject(workspace, await makeS3Scene(workspace), 30),
}

test.each(['disk', 'ssh', 'S3'] as const)(
  'on %s nothing is lost, nobody is told a lie and nothing hangs, whatever is killed, stopped, cut, frozen or full',
  async (where) => {
    const budgetMs = MINUTES === undefined ? undefined : Number(MINUTES) * 60_000
    const plan = { seed: chooseSeed(), kills: KILLS, stops: STOPS, budgetMs, hangMs: 60_000 }
    const toll = await runFaults(workspace, riastore, await subjects[where](), plan)
    console.log(where, JSON.stringify(toll))
    expect(toll.problems).toEqual([])
    const { stored, got, dropped, looked } = toll.clients
    expect(Math.min(stored, got, dropped, looked)).toBeGreaterThan(0) // else nobody could have been told a lie
    if (budgetMs === undefined) expect(toll).toMatchObject({ kills: KILLS, stops: STOPS })
  },
  6 * 3_600_000,
)
