import { afterAll, expect, test } from 'vitest'
import { KINDS, killMove } from '../../../support/kill/kill-move.ts'
import { makeWorkspace } from '../../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
afterAll(() => workspace.remove())

// All steps are those of full/move-killed.
test.each([
  ['its refs are shown to others', /^put .*\/info\/refs$/],
  ['it is shown', /^put 6d6\/[^/]*\/ria-layout-version$/],
  ['its place is recorded', /^put .*\/riastore\/refs\/0+2$/],
  ['the original goes', /^move .*\/ria-layout-version to trash/],
  ['all of the original is gone', /^move .*\/annex\/objects\/.* to trash/],
  ['the name of the original goes', /^remove alias\//],
])('a move that is killed before %s is finished by the same again, and nothing is lost', async (_what, call) => {
  const traits = KINDS['where no program can be run'] ?? {}
  expect(await killMove(workspace, traits, (_count, made) => call.test(made))).toMatch(call)
})
