import { afterAll, expect, test } from 'vitest'
import { KINDS, killMove } from '../../support/kill/kill-move.ts'
import { makeWorkspace } from '../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
afterAll(() => workspace.remove())

test.each(Object.entries(KINDS))(
  '%s a move that is killed at any step leaves the dataset whole in one of the two, and the same again finishes it',
  async (_kind, traits) => {
    let nth = 1
    while ((await killMove(workspace, traits, (count) => count === nth)) !== undefined) nth += 1
    expect(nth).toBeGreaterThan(20)
  },
)
