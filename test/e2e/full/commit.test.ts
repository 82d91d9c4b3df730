import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { chooseSeed, numbersOf } from '../../support/faults/numbers.ts'
import { commitAtOnce, history, makeCommitScene, makeResult } from '../../support/worlds/commit-scene.ts'

/** How many, with a store of each kind. */
const JOBS = Number(process.env.RIASTORE_JOBS ?? 100)

/** That they run on. Those of one machine take turns. */
const MACHINES = Number(process.env.RIASTORE_MACHINES ?? 10)

const KILLS = Number(process.env.RIASTORE_KILLS ?? 30)

/** So long it takes on a machine that has nothing else to do, and some more. ms. */
const KILLED_BEFORE_MS = 3_000

test.each(['ssh', 's3'] as const)(
  `the results of ${JOBS} jobs that commit at once on ${MACHINES} machines are all in a store by %s`,
  async (store) => {
    const scene = await makeCommitScene(store, { 'first.bin': Buffer.from('first') })
    try {
      const results = await commitAtOnce(scene, JOBS, MACHINES)
      const times = results.map(({ ms }) => ms / 1000).sort((a, b) => a - b)
      const races = results.map(({ stdout }) => Number(/"races":(\d+)/.exec(stdout)?.[1])).sort((a, b) => a - b)
      const middle = Math.floor(JOBS / 2)
      console.info(
        `${store}: ${JOBS} jobs; half were through after ${times[middle]} s, the last after ${times.at(-1)} s; ` +
          `lost races: ${races[middle]} in the middle, ${races.at(-1)} at most`,
      )
      expect(times).toHaveLength(JOBS)
    } finally {
      await scene.remove()
    }
  },
)

test('a commit that is killed at any moment is whole or not there, and the same command again finishes', async () => {
  const scene = await makeCommitScene('file', { 'first.bin': Buffer.from('first') })
  const seed = chooseSeed()
  try {
    for (let i = 0; i < KILLS; i++) {
      const repo = await scene.worker(`killed-${i}`)
      await makeResult(repo, `killed-${i}`)
      const running = scene.program.start(['commit'], { cwd: repo.path, env: scene.env })
      await sleep(numbersOf(seed, i)() * KILLED_BEFORE_MS)
      running.child.kill('SIGKILL')
      await running.done
      // What it had started may be at work still, and have git's lock.
      const again = async () => (await scene.riastore(repo, 'commit')).status
      await expect.poll(again, { timeout: 300_000, interval: 500 }).toBe(0)
      const commits = (await history(await scene.look(`after-${i}`))).filter(({ files }) =>
        files.some((file) => file.includes(`killed-${i}/`)),
      )
      expect(commits).toEqual([{ parents: 1, files: ['a.bin', 'b.bin'].map((name) => `results/killed-${i}/${name}`) }])
    }
    const clone = await scene.worker('all')
    await clone.annex('get', '-J2', '.')
    await clone.annex('fsck', '--quiet', '.')
  } finally {
    await scene.remove()
  }
})
