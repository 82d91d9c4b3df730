import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { chooseSeed, numbersOf } from '../../support/faults/numbers.ts'
import {
  type CommitScene,
  commitAtOnce,
  history,
  makeCommitScene,
  makeResult,
} from '../../support/worlds/commit-scene.ts'

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

test.each([
  ['file', KILLS],
  ['ssh', KILLS / 3],
] as const)(
  'a commit into a store by %s that is killed at any moment is whole or not there, and the same command again finishes',
  async (store, kills) => {
    const scene = await makeCommitScene(store, { 'first.bin': Buffer.from('first') })
    const seed = chooseSeed()
    try {
      for (let i = 0; i < kills; i++) {
        const { running, finishes } = await begin(scene, `killed-${i}`)
        await sleep(numbersOf(seed, i)() * KILLED_BEFORE_MS)
        running.child.kill('SIGKILL')
        await running.done
        await finishes()
      }
      await expectContent(scene)
    } finally {
      await scene.remove()
    }
  },
)

test('a commit is killed at each request that changes something in S3, and is whole or not there; the same command again finishes', async () => {
  const scene = await makeCommitScene('s3', { 'first.bin': Buffer.from('first') })
  const { faults } = scene.s3 ?? expect.fail()
  try {
    for (let step = 1; ; step++) {
      let [changes, isKilled] = [0, false]
      const { running, finishes } = await begin(scene, `killed-${step}`, () => {
        faults.misbehave({
          on: /^(PUT|POST|DELETE) /,
          chance: () => {
            changes += 1
            if (changes === step) {
              isKilled = true
              running.killGroup('SIGKILL')
            }
            return false
          },
        })
      })
      await running.done
      faults.reset()
      await finishes()
      if (!isKilled) {
        expect(step).toBeGreaterThan(5) // keys, objects, and what names them
        console.info(`a commit changes S3 by ${changes} requests, and was killed at each of them`)
        break
      }
    }
    await expectContent(scene)
  } finally {
    await scene.remove()
  }
})

/** What git does on the other side: objects have come, refs are locked, and are changed. */
const HOOKS = ['pre-receive', 'reference-transaction prepared', 'reference-transaction committed', 'post-receive']

test.each(HOOKS)(
  'a commit over ssh that is killed at the %s of its push is whole or not there, and the same command again finishes',
  async (point) => {
    const scene = await makeCommitScene('ssh', { 'first.bin': Buffer.from('first') })
    const [hook = '', state = ''] = point.split(' ')
    const [pid, told] = [scene.workspace.path('pid'), scene.workspace.path('told')]
    try {
      const { running, finishes } = await begin(scene, 'killed', async () => {
        // Once. What has come to the server goes its way there.
        const script = `#!/bin/sh\n[ "$1" = '${state}' ] && [ ! -e ${told} ] && [ -e ${pid} ] && touch ${told} && kill -9 -$(cat ${pid})\nexit 0\n`
        await mkdir(join(scene.dataset.path, 'hooks'), { recursive: true })
        await writeFile(join(scene.dataset.path, 'hooks', hook), script, { mode: 0o755 })
      })
      await writeFile(`${pid}.part`, String(running.child.pid))
      await rename(`${pid}.part`, pid)
      await running.done
      await expect(readFile(told, 'utf8')).resolves.toBe('')
      await finishes()
      await expectContent(scene)
    } finally {
      await scene.remove()
    }
  },
)

/**
 * Begins to commit a result. `finishes`, to be called when that has ended, has the same command do
 * it, and fails unless the result is in history once, whole.
 */
async function begin(scene: CommitScene, name: string, before: () => unknown = () => {}) {
  const repo = await scene.worker(name)
  await makeResult(repo, name)
  await before()
  const running = scene.program.start(['commit'], { cwd: repo.path, env: scene.env })
  const finishes = async () => {
    // What it had started may be at work still, and have git's lock.
    const again = async () => (await scene.riastore(repo, 'commit')).status
    await expect.poll(again, { timeout: 300_000, interval: 500 }).toBe(0)
    const commits = (await history(await scene.look(`after-${name}`))).filter(({ files }) =>
      files.some((file) => file.includes(`${name}/`)),
    )
    expect(commits).toEqual([{ parents: 1, files: ['a.bin', 'b.bin'].map((file) => `results/${name}/${file}`) }])
  }
  return { running, finishes }
}

async function expectContent(scene: CommitScene): Promise<void> {
  const clone = await scene.worker('all')
  await clone.annex('get', '-J2', '.')
  await clone.annex('fsck', '--quiet', '.')
}
