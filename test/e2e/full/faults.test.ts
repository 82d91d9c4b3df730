import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lane, runFaults } from '../../support/faults/fault-run.ts'
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

/** Datasets that are worked on at the same time. In S3 most of the time is spent with waiting. */
const LANES = { disk: 3, ssh: 3, S3: 6 }

let workspaces: Workspace[]
let riastore: ArchiveProgram
beforeAll(async () => {
  workspaces = await Promise.all(Array.from({ length: Math.max(...Object.values(LANES)) }, () => makeWorkspace()))
  riastore = await installArchiveProgram(workspaces[0] as Workspace)
})
afterAll(async () => {
  for (const workspace of workspaces ?? []) await workspace.remove()
})

const subjects = {
  disk: (workspace: Workspace) => fileSubject(workspace, 'disk', 30),
  ssh: (workspace: Workspace) => fileSubject(workspace, 'ssh', 30),
  S3: async (workspace: Workspace) => s3Subject(workspace, await makeS3Scene(workspace), 20),
}

test.each(['disk', 'ssh', 'S3'] as const)(
  'on %s nothing is lost, nobody is told a lie and nothing hangs, whatever is killed, stopped, cut, frozen or full',
  async (where) => {
    const budgetMs = MINUTES === undefined ? undefined : Number(MINUTES) * 60_000
    const plan = { seed: chooseSeed(), kills: KILLS, stops: STOPS, budgetMs, hangMs: 60_000 }
    const lanes: Lane[] = []
    for (const workspace of workspaces.slice(0, LANES[where])) {
      const subject = await subjects[where](workspace)
      // A push and a clone take as long as some kills: they are made in one lane.
      lanes.push({ workspace, subject: lanes.length === 0 ? subject : { ...subject, git: undefined } })
    }
    const toll = await runFaults(lanes, riastore, plan)
    console.log(where, JSON.stringify(toll))
    expect(toll.problems).toEqual([])
    const { stored, got, dropped, looked } = toll.clients
    expect(Math.min(stored, got, dropped, looked)).toBeGreaterThan(0) // else nobody could have been told a lie
    if (budgetMs === undefined) {
      expect(toll.kills).toBeGreaterThanOrEqual(KILLS)
      expect(toll.stops).toBeGreaterThanOrEqual(STOPS)
    }
  },
  6 * 3_600_000,
)
