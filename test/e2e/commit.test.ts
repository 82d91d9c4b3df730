import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OpenWriters } from '../../src/core/process/open-writers.ts'
import { explain } from '../support/programs/run.ts'
import { type AnnexRepo, makeSubdataset } from '../support/repos/annex-repo.ts'
import { variants } from '../support/shared/variants.ts'
import type { BulkStore } from '../support/worlds/bulk-scene.ts'
import {
  type CommitScene,
  commitAtOnce,
  committed,
  history,
  makeCommitScene,
  makeResult,
} from '../support/worlds/commit-scene.ts'

describe('a commit', () => {
  let scene: CommitScene
  beforeAll(async () => {
    scene = await makeCommitScene('file', { 'old.bin': Buffer.from('old'), 'gone.bin': Buffer.from('gone') })
  })
  afterAll(() => scene?.remove())

  const tip = async () => (await scene.source.git('ls-remote', scene.gitUrl)).stdout

  test('is all that was changed; the store has its keys, its branch and the records of it', async () => {
    const repo = await scene.worker('first')
    await makeResult(repo, 'first')
    await rm(join(repo.path, 'gone.bin'))
    await repo.annex('get', 'old.bin')
    await repo.annex('unlock', 'old.bin')
    await writeFile(join(repo.path, 'old.bin'), 'new')
    const dry = await scene.riastore(repo, 'commit', '--dry-run')
    expect(dry.stdout, explain(dry)).toBe('would commit 4 files\n')
    const { stdout } = await committed(scene, repo, '-m', 'All of it')
    expect(stdout).toMatch(/^committed 4 files; put 3 keys, 9\.8 KiB; main is at [0-9a-f]{12}\n$/)
    expect((await repo.git('status', '--short')).stdout).toBe('')
    const seen = await scene.worker('seen')
    expect((await seen.git('log', '-1', '--format=%s')).stdout).toBe('All of it\n')
    await seen.annex('get', '.')
    expect((await seen.read('old.bin')).toString()).toBe('new')
    expect((await seen.read('results/first/a.bin')).equals(await repo.read('results/first/a.bin'))).toBe(true)
    const again = await committed(scene, repo)
    expect(again.stdout).toMatch(/^nothing to commit; put 0 keys/)
  })

  test('goes on top of what others pushed meanwhile; several are merged with it', async () => {
    const [one, two] = [await scene.worker('one'), await scene.worker('two')]
    await makeResult(one, 'one')
    await makeResult(two, 'two')
    await committed(scene, one)
    expect((await committed(scene, two)).stdout).toMatch(/with what others committed\n$/)
    expect((await two.git('status', '--short')).stdout).toBe('')
    expect((await two.git('ls-files', 'results/one')).stdout).toBe('results/one/a.bin\nresults/one/b.bin\n')
    await makeResult(one, 'one-more')
    for (const name of ['x', 'y']) await two.add({ [name]: name })
    await committed(scene, one)
    await committed(scene, two)
    const last = (await history(await scene.look('merged'))).slice(-4)
    expect(last.map(({ parents }) => parents)).toEqual([1, 1, 1, 2])
    expect(last.map(({ files }) => files.length)).toEqual([2, 2, 2, 2])
  })

  test('whose file others have changed too is named, and nothing of it is in the store until that is settled', async () => {
    const [mine, theirs] = [await scene.worker('mine'), await scene.worker('theirs')]
    for (const repo of [mine, theirs]) await repo.write('both.txt', `of ${repo.path}`)
    await makeResult(mine, 'mine')
    await committed(scene, theirs)
    const before = await tip()
    const result = await scene.riastore(mine, 'commit')
    expect([result.status, result.stderr], explain(result)).toEqual([
      1,
      expect.stringMatching(/same files: both\.txt\. git pull/),
    ])
    expect(await tip()).toBe(before)
    await mine.try('git', 'pull', '-q', '--no-rebase', 'origin', 'main')
    const during = await scene.riastore(mine, 'commit')
    expect([during.status, during.stderr]).toEqual([2, expect.stringMatching(/middle of a merge: both\.txt/)])
    await mine.git('checkout', '-q', '--ours', 'both.txt')
    await mine.git('add', 'both.txt')
    await mine.git('commit', '-q', '--no-edit')
    await committed(scene, mine)
    expect((await (await scene.look('settled')).git('ls-files', 'results/mine')).stdout).not.toBe('')
  })

  test('with content that is damaged, or that nobody has, is not pushed', async () => {
    const repo = await scene.worker('damaged')
    await repo.add({ 'good.bin': 'good', 'bad.bin': 'bad' })
    const object = await repo.git('annex', 'contentlocation', await repo.key('bad.bin'))
    const path = join(repo.path, object.stdout.trim())
    const before = await tip()
    await chmod(path, 0o644)
    await writeFile(path, 'BAD')
    const damaged = await scene.riastore(repo, 'commit')
    expect([damaged.status, damaged.stderr], explain(damaged)).toEqual([
      1,
      expect.stringMatching(/1 key could not be put/),
    ])
    await repo.annex('drop', '--force', 'bad.bin')
    const lost = await scene.riastore(repo, 'commit')
    expect([lost.status, lost.stderr], explain(lost)).toEqual([
      1,
      expect.stringMatching(/nobody is known to have the content/),
    ])
    expect(await tip()).toBe(before)
  })

  test('of a subdataset that nobody else can get is refused', async () => {
    const repo = await scene.worker('above')
    await makeSubdataset(repo, 'below')
    await repo.git('reset', '-q', '--soft', 'HEAD^')
    const { status, stderr } = await scene.riastore(repo, 'commit')
    expect([status, stderr]).toEqual([2, expect.stringMatching(/below has a commit that is in no remote of it/)])
  })

  test('is not made of files that are open for writing through a mounted folder', async () => {
    const repo = await scene.worker('open')
    const writers = new OpenWriters(join(repo.path, '.git'))
    writers.begin()
    const { status, stderr } = await scene.riastore(repo, 'commit')
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/are open for writing through a mounted folder: .* remove .*riastore-writers\/[^\n]*\n$/),
    ])
    writers.end()
    await committed(scene, repo)
  })

  test('from no branch, from an adjusted one, and without a remote, is refused in words', async () => {
    const repo: AnnexRepo = await scene.worker('odd')
    const refused = async () => {
      const { status, stderr } = await scene.riastore(repo, 'commit')
      return [status, stderr.trim()]
    }
    await repo.git('remote', 'rename', 'origin', 'other')
    await repo.git('remote', 'add', 'another', scene.gitUrl)
    await repo.git('config', '--unset', 'branch.main.remote')
    expect(await refused()).toEqual([2, expect.stringMatching(/several git remotes: give --remote \(.*\)/)])
    await repo.git('switch', '-q', '--detach')
    expect(await refused()).toEqual([2, expect.stringMatching(/is on no branch/)])
    await repo.git('switch', '-q', 'main')
    await repo.annex('adjust', '--unlock')
    expect(await refused()).toEqual([2, expect.stringMatching(/is on an adjusted branch/)])
  })
})

describe.each(variants<BulkStore>(['ssh', 's3'], ['file', 'ssh', 's3']))(
  'jobs that commit at once, with a store by %s',
  (store) => {
    test('have all their results in, one commit on top of the other, and never one that is half', async () => {
      const scene = await makeCommitScene(store, { 'first.bin': Buffer.from('first') })
      try {
        await commitAtOnce(scene, 4, 3)
      } finally {
        await scene.remove()
      }
    })
  },
)
