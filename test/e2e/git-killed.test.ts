import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { killPushes } from '../support/kill/kill-pushes.ts'
import { start } from '../support/programs/run.ts'
import { type GitWorld, makeGitWorld } from '../support/worlds/git-world.ts'

let world: GitWorld
beforeAll(async () => {
  world = await makeGitWorld({ isPublic: true })
})
afterAll(() => world?.remove())

test('a push that is killed leaves a repository that clones, and that takes the next push', async () => {
  await killPushes(world, 'aaa-killed', 10)
})

test('what a killed push left in the repository is removed by the next', async () => {
  const url = await world.dataset('aab-killed')
  const repo = await world.newRepo('left-behind')
  await world.commit(repo, 'a file')
  await world.gitOk(repo, 'push', '-q', url, 'main')
  const left = join(repo, '.git/riastore')
  const old = (await readdir(left)).filter((name) => name.startsWith('riastore-work-'))
  expect(old).toEqual([])
  await world.commit(repo, 'another')
  world.faults.reset()
  world.faults.misbehave({ on: /\.pack/, silent: true })
  const push = start('git', ['push', '-q', url, 'main'], { env: world.env, cwd: repo })
  while (!world.faults.requests.some((request) => /PUT .*\.pack/.test(request)))
    await new Promise((r) => setTimeout(r, 5))
  push.killGroup('SIGKILL')
  await push.done
  world.faults.reset()
  expect((await readdir(left)).filter((name) => name.startsWith('riastore-work-'))).toHaveLength(1)
  await mkdir(join(left, `riastore-work-of-another`))
  await world.gitOk(repo, 'push', '-q', url, 'main')
  expect((await readdir(left)).filter((name) => name.startsWith('riastore-work-'))).toEqual([
    'riastore-work-of-another',
  ])
})
