import { expect } from 'vitest'
import type { ArchiveProgram } from '../programs/archive-program.ts'
import { explain } from '../programs/run.ts'
import type { AnnexRepo } from '../repos/annex-repo.ts'

/** What a client of a store believes at the end. */
export interface Client {
  readonly repo: AnnexRepo
  /** Files that are dropped from the store. */
  readonly dropped: ReadonlySet<string>
  readonly rounds: number
}

/**
 * Stores, gets and drops with four jobs, again and again until `stop` says so. Any error of
 * git-annex fails it.
 */
async function work(repo: AnnexRepo, name: string, remote: string, stop: (rounds: number) => boolean): Promise<Client> {
  const dropped = new Set<string>()
  let rounds = 0
  for (; !stop(rounds); rounds++) {
    const fresh: Record<string, string> = {}
    for (let i = 0; i < 8; i++) fresh[`${name}/${rounds}/${i}`] = `${name} ${rounds} ${i}\n`.repeat(1 + i * 40)
    await repo.add(fresh)
    const directory = `${name}/${rounds}`
    await annex(repo, 'copy', '--to', remote, '-J4', directory)
    await annex(repo, 'drop', '-J4', '--force', directory)
    const again = `${name}/${Math.floor(rounds / 2)}`
    const there = Object.keys(fresh)
      .map((_file, i) => `${again}/${i}`)
      .filter((file) => !dropped.has(file))
    await annex(repo, 'get', '-J4', ...there)
    const [first = '', second = '', third = ''] = there
    await annex(repo, 'drop', '-J4', '--force', '--from', remote, ...[first, second, third].filter(Boolean))
    for (const file of [first, second, third]) if (file) dropped.add(file)
    if (second) {
      await annex(repo, 'copy', '-J4', '--to', remote, second)
      dropped.delete(second)
    }
  }
  return { repo, dropped, rounds }
}

/**
 * Compacts `runs` times at least while clients work `rounds` rounds at least; checks then that the
 * store has what git-annex believes.
 */
export async function compactUnderLoad(
  riastore: ArchiveProgram,
  [store, dataset]: readonly [string, string],
  clients: readonly { readonly repo: AnnexRepo; readonly name: string; readonly remote: string }[],
  { runs, rounds }: { readonly runs: number; readonly rounds: number },
): Promise<readonly Client[]> {
  const ready = new Set<string>()
  let compactions = 0
  let failed = false
  const isEnough = () => failed || (compactions >= runs && ready.size === clients.length)
  const working = clients.map(({ repo, name, remote }) =>
    work(repo, name, remote, (finished) => {
      if (finished >= rounds) ready.add(name)
      return isEnough()
    }).catch((error: unknown) => {
      failed = true
      throw error
    }),
  )
  const compacting = async () => {
    try {
      for (; !isEnough(); compactions++) await riastore.ok(['archive', store, dataset])
    } finally {
      failed ||= compactions < runs
    }
  }
  const [done] = await Promise.all([Promise.all(working), compacting()])
  for (const [i, client] of done.entries()) await expectTruth(client, clients[i]?.remote ?? '')
  return done
}

async function expectTruth({ repo, dropped }: Client, remote: string): Promise<void> {
  const believed = await repo.annex('find', '--in', remote)
  const files = believed.stdout.split('\n').filter(Boolean)
  expect(files.length).toBeGreaterThan(0)
  for (const file of dropped) {
    expect(files).not.toContain(file)
    expect((await repo.checkPresent(file, remote)).presence, file).toBe('absent')
  }
  const { stdout } = await annex(repo, 'fsck', '-J4', '--from', remote, ...files)
  expect(stdout.match(/ok$/gm)).toHaveLength(files.length)
}

async function annex(repo: AnnexRepo, ...parameters: string[]) {
  const result = await repo.tryAnnex(...parameters)
  expect(result.status, explain(result)).toBe(0)
  expect(result.stderr, explain(result)).toBe('')
  return result
}
