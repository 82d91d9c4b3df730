import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { explain, run, start } from '../programs/run.ts'
import type { GitWorld } from '../worlds/git-world.ts'

/** Where a push can be stopped: at the request that this matches, which is not answered. */
export const STOPS: readonly RegExp[] = [
  /^PUT .*\.idx/,
  /^PUT .*\.pack(\?|$)/,
  /^PUT .*\/riastore\/refs\//,
  /^PUT .*\/objects\/info\/packs/,
  /^PUT .*\/packed-refs/,
  /^PUT .*\/info\/refs/,
  /^GET .*list-type/,
]

/**
 * Pushes `kills` times and kills git and all that it started: at each of STOPS, then at random
 * moments. After each, a clone of what is there is whole, the next push succeeds, and stock git
 * sees over HTTP what it pushed. The bucket has to be public.
 */
export async function killPushes(world: GitWorld, id: string, kills: number): Promise<void> {
  const url = await world.dataset(id)
  const repo = await world.newRepo(`${id}-pusher`)
  await world.commit(repo, 'start')
  const began = performance.now()
  await world.gitOk(repo, 'push', '-q', url, 'main')
  const usualMs = performance.now() - began
  const reader = await world.clone(url, `${id}-reader`)
  for (let i = 0; i < kills; i++) {
    await world.commit(repo, `file ${i}`)
    await pushAndKill(world, repo, url, STOPS[i] ?? Math.random() * usualMs * 1.1)
    const clone = await world.clone(url, `${id}-clone-${i}`)
    await world.gitOk(clone, 'fsck', '--full', '--strict')
    const subjects = (await world.gitOk(clone, 'log', '--format=%s')).trim().split('\n')
    expect([i, i + 1]).toContain(subjects.length - 1)
    // Who fetches sees to it that others see the same.
    await world.gitOk(reader, 'fetch', '-q')
    expect(await stockMain(world, url)).toBe((await world.gitOk(clone, 'rev-parse', 'HEAD')).trim())
    await world.gitOk(repo, 'push', '-q', url, 'main')
    expect(await stockMain(world, url)).toBe((await world.gitOk(repo, 'rev-parse', 'HEAD')).trim())
  }
  const stock = world.workspace.path(`${id}-stock`)
  const cloned = await run('git', ['clone', '-q', url.replace('s3+', ''), stock], { env: world.workspace.stockEnv })
  expect(cloned.status, explain(cloned)).toBe(0)
  await world.gitOk(stock, 'fsck', '--full', '--strict')
}

async function pushAndKill(world: GitWorld, repo: string, url: string, stop: RegExp | number): Promise<void> {
  world.faults.reset()
  if (typeof stop !== 'number') world.faults.misbehave({ on: stop, silent: true })
  const push = start('git', ['push', '-q', url, 'main'], { env: world.env, cwd: repo })
  if (typeof stop === 'number') await sleep(stop)
  else {
    let isOver = false
    push.done.finally(() => {
      isOver = true
    })
    while (!world.faults.requests.some((request) => stop.test(request))) {
      if (isOver) throw new Error(`a push ended without ${stop}:\n${world.faults.requests.join('\n')}`)
      await sleep(5)
    }
  }
  push.killGroup('SIGKILL')
  await push.done
  world.faults.reset()
}

/** What git without our programs sees. */
async function stockMain(world: GitWorld, url: string): Promise<string | undefined> {
  const env = world.workspace.stockEnv
  const { stdout } = await run('git', ['ls-remote', url.replace('s3+', ''), 'refs/heads/main'], { env })
  return stdout.split('\t')[0]
}
