import { expect } from 'vitest'
import { explain, type Result } from '../programs/run.ts'

/** What a race needs of the world around it. */
export interface RaceWorld {
  git(cwd: string, ...args: string[]): Promise<Result>
  gitOk(cwd: string, ...args: string[]): Promise<string>
  commit(repo: string, name: string): Promise<void>
  newRepo(name: string): Promise<string>
  clone(url: string, name: string): Promise<string>
}

async function clonesOf(world: RaceWorld, url: string, name: string, count: number): Promise<string[]> {
  const first = await world.newRepo(name)
  await world.commit(first, 'start')
  await world.gitOk(first, 'push', '-q', url, 'main')
  const clones: string[] = []
  for (let i = 0; i < count; i++) {
    const clone = await world.clone(url, `${name}-${i}`)
    await world.commit(clone, `of ${i}`)
    clones.push(clone)
  }
  return clones
}

/** Several push a branch each, at once: all land. */
export async function pushManyBranches(world: RaceWorld, url: string, name: string, count: number): Promise<void> {
  const clones = await clonesOf(world, url, name, count)
  const pushes = clones.map((clone, i) => world.git(clone, 'push', '-q', 'origin', `HEAD:refs/heads/branch-${i}`))
  for (const push of await Promise.all(pushes)) expect(push.status, explain(push)).toBe(0)
  const check = await world.clone(url, `${name}-check`)
  for (const i of clones.keys()) expect(await world.gitOk(check, 'show', `origin/branch-${i}:of ${i}`)).toBe(`of ${i}`)
  await world.gitOk(check, 'fsck', '--full', '--strict')
}

/**
 * Several push one branch at once: each time one wins, and the others are told to fetch first; in
 * the end every commit is there.
 */
export async function pushOneBranch(world: RaceWorld, url: string, name: string, count: number): Promise<void> {
  let waiting = await clonesOf(world, url, name, count)
  const all = waiting
  while (waiting.length > 0) {
    const ends = await Promise.all(
      waiting.map(async (clone) => ({
        clone,
        push: await world.git(clone, 'push', '--porcelain', 'origin', 'HEAD:main'),
      })),
    )
    const losers = ends.filter(({ push }) => push.status !== 0)
    for (const { push } of losers) {
      expect(`${push.stdout}${push.stderr}`, explain(push)).toMatch(
        /\[(remote )?rejected\].*(fetch first|non-fast-forward)/,
      )
    }
    expect(losers).toHaveLength(waiting.length - 1)
    waiting = losers.map(({ clone }) => clone)
    await Promise.all(waiting.map((clone) => world.gitOk(clone, 'pull', '-q', '--no-rebase', '--no-edit')))
  }
  const check = await world.clone(url, `${name}-check`)
  for (const i of all.keys()) expect(await world.gitOk(check, 'show', `HEAD:of ${i}`)).toBe(`of ${i}`)
  await world.gitOk(check, 'fsck', '--full', '--strict')
}
