import { afterAll, beforeAll, test } from 'vitest'
import { pushManyBranches, pushOneBranch } from '../../support/kill/push-races.ts'
import { type GitWorld, makeGitWorld } from '../../support/worlds/git-world.ts'

let world: GitWorld
beforeAll(async () => {
  world = await makeGitWorld()
})
afterAll(() => world?.remove())

test('of twenty who push a branch each at once, all land', async () => {
  await pushManyBranches(world, await world.dataset('aaa-branches'), 'branches', 20)
})

test('of twenty who push one branch at once, each time one wins, and no commit is lost', async () => {
  await pushOneBranch(world, await world.dataset('aab-one-branch'), 'one-branch', 20)
})
