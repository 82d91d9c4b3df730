import { afterAll, beforeAll, test } from 'vitest'
import { killPushes } from '../../support/kill/kill-pushes.ts'
import { type GitWorld, makeGitWorld } from '../../support/worlds/git-world.ts'

let world: GitWorld
beforeAll(async () => {
  world = await makeGitWorld({ isPublic: true })
})
afterAll(() => world?.remove())

test('a push that is killed at any of fifty moments leaves a repository that clones, and that takes the next push', async () => {
  await killPushes(world, 'aaa-killed', 57)
})
