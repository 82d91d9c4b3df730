import { afterAll, beforeAll, expect, test } from 'vitest'
import { chooseSeed, fileSubject, runFaults, s3Subject } from '../support/kill/fault-run.ts'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
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
  disk: () => fileSubject(workspace, 'disk', 40),
  ssh: () => fileSubject(workspace, 'ssh', 40),
  S3: async () => s3Subject(workspace, await makeS3Scene(workspace), 20),
}

test.each(['disk', 'ssh', 'S3'] as const)(
  'a run that is stopped, on %s, while somebody on another host breaks its lock, loses nothing when it goes on',
  async (where) => {
    const toll = await runFaults(riastore, await subjects[where](), { seed: chooseSeed(), kills: 0, stops: 1 })
    expect(toll).toEqual({ kills: 0, stops: 1, falseAnswers: 0, hangs: 0 })
  },
)
