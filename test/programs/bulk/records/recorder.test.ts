import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clone, openClone } from '../../../../src/bulk/clone/clone.ts'
import { WorkDirectory } from '../../../../src/bulk/clone/work-directory.ts'
import { BranchListing } from '../../../../src/bulk/records/branch-listing.ts'
import { branchCommit } from '../../../../src/bulk/records/read-logs.ts'
import { Recorder } from '../../../../src/bulk/records/recorder.ts'
import { logPath } from '../../../../src/core/records/location-log.ts'
import { KeyTable } from '../../../../src/core/tables/key-table.ts'
import { runOk } from '../../../support/programs/run.ts'
import { type AnnexRepo, field, makeAnnexRepo } from '../../../support/repos/annex-repo.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const OTHER = '0f6aa3d5-6d5f-4e0e-8f0a-1a2b3c4d5e6f'
const KEYS = ['MD5-s1--a1', 'MD5-s1--b2', 'MD5-s1--c3', 'MD5E-s1--d4.x&y'] as const

let workspace: Workspace
let repo: AnnexRepo
let clone: Clone
beforeAll(async () => {
  workspace = await makeWorkspace()
  repo = await makeAnnexRepo(workspace, 'clone')
  clone = await openClone(repo.path)
  for (const key of KEYS.slice(0, 2)) await tellOfOther(key)
})
afterAll(() => workspace?.remove())

/** setpresentkey itself commits nothing; whoever reads records does. */
async function tellOfOther(key: string): Promise<void> {
  await repo.annex('setpresentkey', key, OTHER, '1')
  await repo.tryAnnex('numcopies')
}

const refs = async () =>
  (await runOk('git', ['for-each-ref', '--format=%(refname)'], { cwd: repo.path, env: workspace.env })).stdout

/** Where the git-annex branch says that a key is. */
async function whereIs(key: string): Promise<string[]> {
  const { stdout } = await repo.tryAnnex('whereis', '--json', `--key=${key}`)
  const { whereis } = JSON.parse(stdout) as { whereis: { uuid: string }[] }
  return whereis.map(({ uuid }) => uuid).sort()
}

function begin(): { table: KeyTable; work: WorkDirectory; recorder: Recorder } {
  const table = new KeyTable()
  for (const key of KEYS) table.add(key)
  const work = WorkDirectory.open(clone.annexDirectory)
  return { table, work, recorder: new Recorder({ clone, work, table, uuid: clone.uuid }) }
}

test('what is prepared is on no ref, and of it only the keys that came are recorded', async () => {
  const { table, work, recorder } = begin()
  const before = await refs()
  const seen = new Map<string, string>()
  await recorder.prepare([0, 1, 2, 3], (number, log) => {
    seen.set(table.text(number), log)
    return true
  })
  await recorder.ready()
  expect(await refs()).toBe(before)
  expect([...seen.keys()].sort()).toEqual([...KEYS].sort())
  expect(seen.get(KEYS[0])).toContain(`1 ${OTHER}\n`)
  expect(seen.get(KEYS[2])).toBe('')
  await recorder.commit([0, 2])
  work.close(true)
  expect(await Promise.all(KEYS.map(whereIs))).toEqual([[OTHER, clone.uuid].sort(), [OTHER], [clone.uuid], []])
  expect(await refs()).toBe(before)
})

test('a listing that was made before says the same of each key, and one that is out of date is not used', async () => {
  const first = begin()
  const listing = await BranchListing.make(clone, first.work)
  const logs = async (recorder: Recorder, given: BranchListing | undefined) => {
    const texts: string[] = []
    const visit = (number: number, log: string) => {
      texts[number] = log
      return false
    }
    await recorder.prepare([0, 1, 2, 3], visit, given)
    return texts
  }
  const asked = await logs(first.recorder, undefined)
  expect(asked[0]).toContain(clone.uuid)
  expect(await logs(first.recorder, listing)).toEqual(asked)
  listing.close()
  const old = await BranchListing.make(clone, first.work)
  await tellOfOther(KEYS[3])
  const now = await logs(first.recorder, old)
  old.close()
  expect(now[3]).toContain(OTHER)
  first.work.close(true)
})

test('the logs of keys are read while others are found, each once, and all are recorded with one commit', async () => {
  const { table, work } = begin()
  const numbers = Array.from({ length: 2500 }, (_, i) => table.add(`MD5-s1--found${i}`))
  const recorder = new Recorder({ clone, work, table, uuid: OTHER })
  const listing = await BranchListing.make(clone, work)
  let isFound = () => {}
  const found = new Promise<void>((resolve) => {
    isFound = resolve
  })
  const waiting = [numbers.slice(0, 1500), numbers.slice(1500, 2400), numbers.slice(2400)]
  const seen: number[] = []
  const counts: number[] = []
  await recorder.prepareFound(
    { listing: Promise.resolve(listing), found },
    () => {
      counts.push(seen.length)
      if (waiting.length === 2) isFound()
      return waiting.shift() ?? []
    },
    (number) => seen.push(number) > 0,
  )
  listing.close()
  expect(counts.slice(0, 2)).toEqual([0, 1500])
  expect(seen.sort((a, b) => a - b)).toEqual(numbers)
  const before = await branchCommit(clone)
  await recorder.commit(numbers)
  expect(await branchCommit(clone)).not.toBe(before)
  let recorded = 0
  await recorder.prepare(numbers, (_, log) => {
    if (log.includes(` 1 ${OTHER}\n`)) recorded += 1
    return false
  })
  expect(recorded).toBe(2500)
  work.close(true)
})

test('all that was prepared is recorded, also when somebody else recorded something meanwhile', async () => {
  const { work, recorder } = begin()
  await recorder.prepare([1, 3])
  await tellOfOther(KEYS[2])
  await recorder.commit([1, 3])
  work.close(true)
  expect(await Promise.all(KEYS.slice(1).map(whereIs))).toEqual(
    [
      [OTHER, clone.uuid],
      [OTHER, clone.uuid],
      [OTHER, clone.uuid],
    ].map((uuids) => uuids.sort()),
  )
})

test('a key that was dropped while the others came is not recorded as here', async () => {
  const [kept, dropped] = ['MD5-s1--e5', 'MD5-s1--f6']
  const { table, work } = begin()
  const numbers = [kept, dropped].map((key) => table.add(key))
  const hasStill = (number: number) => table.text(number) === kept
  const recorder = new Recorder({ clone, work, table, uuid: clone.uuid, hasStill })
  await recorder.prepare(numbers)
  await repo.annex('setpresentkey', dropped, clone.uuid, '0')
  await tellOfOther(KEYS[2]) // commits it
  await recorder.commit(numbers)
  work.close(true)
  expect([await whereIs(kept), await whereIs(dropped)]).toEqual([[clone.uuid], []])
})

test('a key that was dropped from a store while others went there is not recorded as there', async () => {
  const [kept, dropped] = ['MD5-s1--a7', 'MD5-s1--b8']
  for (const present of ['1', '0']) await repo.annex('setpresentkey', kept, OTHER, present)
  await repo.tryAnnex('numcopies')
  const { table, work } = begin()
  const numbers = [kept, dropped].map((key) => table.add(key))
  const recorder = new Recorder({ clone, work, table, uuid: OTHER })
  await recorder.prepare(numbers)
  // Somebody else stored both, too, and dropped one of them.
  for (const key of [kept, dropped]) await repo.annex('setpresentkey', key, OTHER, '1')
  await repo.annex('setpresentkey', dropped, OTHER, '0')
  await repo.tryAnnex('numcopies')
  await recorder.commit(numbers)
  work.close(true)
  expect(await Promise.all([kept, dropped].map(whereIs))).toEqual([[OTHER], []])
})

test('a drop that git-annex has not told its branch of yet counts more than what was stored before', async () => {
  const [kept, dropped] = ['MD5-s1--a9', 'MD5-s1--b0']
  const { table, work } = begin()
  const numbers = [kept, dropped].map((key) => table.add(key))
  const recorder = new Recorder({ clone, work, table, uuid: OTHER })
  await recorder.prepare(numbers)
  await tellOfOther('MD5-s1--something-else')
  await repo.annex('setpresentkey', dropped, OTHER, '0')
  await recorder.commit(numbers)
  work.close(true)
  expect(await Promise.all([kept, dropped].map(whereIs))).toEqual([[OTHER], []])
})

test('a key that is dropped just after it was looked for is not recorded as here', async () => {
  const [kept, dropped] = ['MD5-s1--c9', 'MD5-s1--d0']
  const { table, work } = begin()
  const numbers = [kept, dropped].map((key) => table.add(key))
  const drop = ['annex', 'setpresentkey', dropped, clone.uuid, '0']
  const hasStill = (number: number) => {
    if (table.text(number) === dropped) execFileSync('git', drop, { cwd: repo.path, env: workspace.env })
    return true
  }
  const recorder = new Recorder({ clone, work, table, uuid: clone.uuid, hasStill })
  await recorder.prepare(numbers)
  await tellOfOther('MD5-s1--one-thing-more')
  await recorder.commit(numbers)
  work.close(true)
  expect(await Promise.all([kept, dropped].map(whereIs))).toEqual([[clone.uuid], []])
})

test.each([
  ['as they were prepared', 40],
  ['but for some that did not come', 33],
])('many keys are given to git in parts, and recorded with one commit, %s', async (_which, count) => {
  const work = WorkDirectory.open(clone.annexDirectory)
  const table = new KeyTable()
  for (let n = 0; n < 40; n++) table.add(`MD5-s1--of ${count}, number ${n}`)
  const recorder = new Recorder({ clone, work, table, uuid: clone.uuid, keysAtOnce: 12 })
  const git = async (...args: string[]) =>
    (await runOk('git', args, { cwd: repo.path, env: workspace.env })).stdout.trim().split('\n')
  const files = await git('ls-tree', '-r', 'git-annex')
  const [before = ''] = await git('rev-parse', 'git-annex')
  await recorder.prepare(Array.from({ length: 40 }).keys())
  const came = [...Array.from({ length: count }).keys()]
  await recorder.commit(came)
  work.close(true)
  expect(await git('rev-list', `${before}..git-annex`)).toHaveLength(1)
  const now = await git('ls-tree', '-r', 'git-annex')
  expect(now).toEqual(expect.arrayContaining(files))
  expect(now).toHaveLength(files.length + count)
  const { stdout } = await repo.annex('findkeys', '--copies=1', `--format=${field('key')}\\n`)
  const here = stdout.split('\n').filter((key) => key.startsWith(`MD5-s1--of ${count},`))
  expect(here.sort()).toEqual(came.map((number) => table.text(number)).sort())
})

test('old logs that git-annex wrote as single objects are in a pack, too, when it merges the new ones', async () => {
  const many = Array.from({ length: 120 }, (_, i) => `MD5-s1--many${i}`)
  const git = async (args: string[], input = '') =>
    (await runOk('git', args, { cwd: repo.path, env: workspace.env, input })).stdout
  const logs = many.map((key, i) => `M 100644 inline ${logPath(key)}\ndata <<END\n${i}s 1 ${OTHER}\nEND\n`)
  const change = 'commit refs/heads/git-annex\ncommitter a <a@localhost> 0 +0000\ndata 0\n'
  const input = `${change}from refs/heads/git-annex^0\n${logs.join('')}`
  await git(['-c', 'fastimport.unpackLimit=10000', 'fast-import', '--quiet'], input)
  const listed = await git(['ls-tree', '-r', 'git-annex'])
  const old = [...listed.matchAll(/ blob (\S+)\t.*--many/g)].map(([, id = '']) => id)
  expect(new Set(old).size).toBe(120)
  // Which single objects are in packs, too.
  const packed = async () => (await git(['prune-packed', '-n'])).replaceAll('/', '')
  expect(await packed()).toBe('')
  const { table, work, recorder } = begin()
  await recorder.prepare(many.map((key) => table.add(key)))
  await recorder.ready()
  const found = await packed()
  expect(old.filter((id) => !found.includes(id.slice(2)))).toEqual([])
  work.close(true)
})
