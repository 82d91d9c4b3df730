import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { collectGarbage } from '../../../src/git/gc.ts'
import { RefLog } from '../../../src/git/refs/ref-log.ts'
import { StoredRepository } from '../../../src/git/repository.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { riastore } from '../../support/programs/console-double.ts'
import { start } from '../../support/programs/run.ts'
import { addDataset, makeRiaStore } from '../../support/repos/ria-store.ts'
import { paths, read, withMethods, write } from '../../support/stores/stores.ts'
import { enterRepository, type MemoryGit, makeMemoryGit } from '../../support/worlds/memory-git.ts'

let world: MemoryGit
beforeAll(async () => {
  world = await makeMemoryGit()
})
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  world?.reset()
})
afterAll(() => world?.remove())

const GRACE_MS = 14 * 24 * 3_600_000

function gc(directory: string, { dryRun = false } = {}) {
  const repository = new StoredRepository(new StoredDataset(world.store, directory), {
    gitDir: undefined,
    shows: false,
  })
  return collectGarbage(repository, { graceMs: GRACE_MS, dryRun })
}

const packsOf = async (directory: string) =>
  (await paths(world.store, `${directory}/objects/pack`)).filter((path) => path.endsWith('.pack'))

/** A repository that was pushed so often, each commit by itself. */
async function pushed(id: string, pushes: number): Promise<{ url: string; repo: string }> {
  const url = await world.dataset(id)
  const repo = await world.newRepo(id)
  for (let i = 0; i < pushes; i++) {
    await world.commit(repo, `file ${i}`)
    await world.gitOk(repo, 'push', '-q', url, 'main')
  }
  return { url, repo }
}

/** Pushes, and kills it when its pack is there, and what it pushed is not committed. */
async function pushAndKill(url: string, repo: string): Promise<void> {
  const committing = new Promise<void>((resolve) => {
    world.change({
      put: (path, ...rest) => {
        if (!path.includes('riastore/refs/')) return world.store.put(path, ...rest)
        resolve()
        return new Promise(() => {})
      },
    })
  })
  const push = start('git', ['push', '-q', url, 'main'], { env: world.env, cwd: repo })
  await committing
  push.killGroup()
  await push.done
  world.reset()
}

/** The store's clock, and ours, stand still but for this. */
const afterGrace = () => vi.setSystemTime(Date.now() + GRACE_MS + 1000)

test('all packs become one, the old ones stay for who reads them, and go when the grace period is over', async () => {
  const { url, repo } = await pushed('aaa-packs', 4)
  const reader = await world.clone(url, 'packs-reader')
  const old = await packsOf('aaa/-packs')
  expect(old).toHaveLength(4)
  expect(await gc('aaa/-packs', { dryRun: true })).toMatchObject({ packs: { before: 4, after: 1 } })
  expect(await packsOf('aaa/-packs')).toEqual(old)
  expect(await gc('aaa/-packs')).toMatchObject({
    packs: { before: 4, after: 1 },
    removed: { packs: 0, generations: 0 },
  })
  expect(await packsOf('aaa/-packs')).toEqual(expect.arrayContaining(old))
  // Who has the objects already downloads nothing.
  world.reset()
  await world.commit(repo, 'one more')
  await world.gitOk(repo, 'push', '-q', url, 'main')
  await world.gitOk(reader, 'pull', '-q')
  expect(world.calls.filter(({ op, path }) => op === 'get' && path.endsWith('.pack'))).toHaveLength(1)
  afterGrace()
  // What the newest state but one names went out of use only now.
  expect(await gc('aaa/-packs')).toMatchObject({ packs: { before: 2, after: 1 }, removed: { packs: 4 } })
  afterGrace()
  expect(await gc('aaa/-packs')).toMatchObject({ packs: { before: 1, after: 1 }, removed: { packs: 2 } })
  expect(await packsOf('aaa/-packs')).toHaveLength(1)
  expect(await paths(world.store, 'aaa/-packs/riastore/refs')).toHaveLength(1)
  for (const address of [url, await world.web('aaa/-packs')]) {
    const clone = await world.clone(address, `packs-${address.length}`)
    await world.gitOk(clone, 'fsck', '--full', '--strict')
    expect((await world.gitOk(clone, 'log', '--format=%s')).split('\n')).toHaveLength(6)
  }
})

test('what a killed push left behind goes after the grace period, and not before', async () => {
  const { url, repo } = await pushed('aab-orphans', 1)
  await world.commit(repo, 'never pushed')
  await pushAndKill(url, repo)
  expect(await packsOf('aab/-orphans')).toHaveLength(2)
  expect(await gc('aab/-orphans')).toMatchObject({ removed: { packs: 0 } })
  afterGrace()
  expect(await gc('aab/-orphans', { dryRun: true })).toMatchObject({ removed: { packs: 1 } })
  expect(await packsOf('aab/-orphans')).toHaveLength(2)
  expect(await gc('aab/-orphans')).toMatchObject({ removed: { packs: 1 } })
  await world.gitOk(repo, 'push', '-q', url, 'main')
  await world.gitOk(await world.clone(url, 'orphans-clone'), 'fsck', '--full', '--strict')
})

test('a push does not build on a pack that a killed one left: it may go at any moment', async () => {
  const { url, repo } = await pushed('aac-reuse', 1)
  await world.commit(repo, 'killed once')
  await pushAndKill(url, repo)
  const before = await packsOf('aac/-reuse')
  await world.gitOk(repo, 'push', '-q', url, 'main')
  const { packs } = await new RefLog(new StoredDataset(world.store, 'aac/-reuse')).newest()
  expect(packs).toHaveLength(2)
  expect(before.filter((path) => packs.some((name) => path.includes(name)))).toHaveLength(1)
})

test('a push that rests on what was put together without it packs anew', async () => {
  const { url, repo } = await pushed('aad-base', 1)
  await world.gitOk(repo, 'checkout', '-q', '-b', 'side')
  await world.commit(repo, 'on a branch')
  await world.gitOk(repo, 'push', '-q', url, 'side')
  const other = await world.clone(url, 'base-other')
  await world.commit(repo, 'on top of it')
  // Between the upload and the commit the branch is deleted, and its objects are put away.
  let isFirst = true
  const slow = withMethods(world.store, {
    put: async (path, ...rest) => {
      if (/riastore\/refs\//.test(path) && isFirst) {
        isFirst = false
        await world.gitOk(other, 'push', '-q', 'origin', ':side')
        await gc('aad/-base')
      }
      return world.store.put(path, ...rest)
    },
  })
  const to = (await world.gitOk(repo, 'rev-parse', 'HEAD')).trim()
  const gitDir = `${repo}/.git`
  const leave = enterRepository(gitDir)
  try {
    const repository = new StoredRepository(new StoredDataset(slow, 'aad/-base'), { gitDir, shows: false })
    const { results } = await repository.push([{ name: 'refs/heads/new', to, force: false }], await repository.state())
    expect(results.get('refs/heads/new')).toBeUndefined()
  } finally {
    leave()
  }
  afterGrace()
  await gc('aad/-base')
  const clone = await world.clone(url, 'base-clone', '--mirror')
  await world.gitOk(clone, 'fsck', '--full', '--strict')
  expect(await world.gitOk(clone, 'rev-parse', 'refs/heads/new')).toBe(`${to}\n`)
})

test('pushes that come while packs are put together are kept', async () => {
  const { url, repo } = await pushed('aae-meanwhile', 3)
  let isFirst = true
  const slow = withMethods(world.store, {
    put: async (path, ...rest) => {
      if (/riastore\/refs\//.test(path) && isFirst) {
        isFirst = false
        await world.commit(repo, 'meanwhile')
        await world.gitOk(repo, 'push', '-q', url, 'main')
      }
      return world.store.put(path, ...rest)
    },
  })
  const repository = new StoredRepository(new StoredDataset(slow, 'aae/-meanwhile'), {
    gitDir: undefined,
    shows: false,
  })
  expect(await collectGarbage(repository)).toMatchObject({ packs: { before: 3, after: 2 } })
  const clone = await world.clone(url, 'meanwhile-clone')
  await world.gitOk(clone, 'fsck', '--full', '--strict')
  expect((await world.gitOk(clone, 'log', '--format=%s')).split('\n')[0]).toBe('meanwhile')
})

test('a repository that lacks a pack is left as it is', async () => {
  await pushed('aaf-damaged', 3)
  const [lost = ''] = await packsOf('aaf/-damaged')
  const content = await read(world.store, lost)
  await write(world.store, lost, content.subarray(0, content.length - 3))
  const before = await paths(world.store, 'aaf')
  await expect(gc('aaf/-damaged')).rejects.toThrow(/index-pack/)
  expect(await paths(world.store, 'aaf')).toEqual(before)
  await world.store.remove(lost)
  await expect(gc('aaf/-damaged')).rejects.toMatchObject({ kind: 'missing' })
})

test('many small packs are put together after a push', async () => {
  const { url, repo } = await pushed('aag-many', 5)
  await world.gitOk(repo, 'config', 'gc.autoPackLimit', '5')
  await world.commit(repo, 'one too many')
  const push = await world.git(repo, 'push', url, 'main')
  expect(push.status).toBe(0)
  expect(push.stderr).toContain('putting 6 packs together')
  const state = await new RefLog(new StoredDataset(world.store, 'aag/-many')).newest()
  expect(state.packs).toHaveLength(1)
  await world.gitOk(await world.clone(url, 'many-clone'), 'fsck', '--full', '--strict')
  await world.gitOk(repo, 'config', 'gc.auto', '0')
})

test('a repository that git looks after is put together by git itself, where it lies', async () => {
  const store = await makeRiaStore(world.workspace.path('store'))
  const { path: directory } = await addDataset(world.workspace, store, { id: 'aai-of-git' })
  const repo = await world.newRepo('of-git')
  await world.commit(repo, 'file')
  await world.gitOk(repo, 'push', '-q', directory, 'main')
  expect((await riastore(['gc', '-n', store.root, '--all'])).stdout).toBe('aai-of-git: would pack 3 objects\n')
  const { code, stdout, stderr } = await riastore(['gc', store.root, '--all'])
  expect([code, stdout, stderr]).toEqual([0, 'aai-of-git: packed 3 objects\n', ''])
  await world.gitOk(directory, 'fsck', '--full', '--strict')
  expect((await riastore(['gc', store.root, '--all'])).stdout).toBe('aai-of-git: nothing to do\n')
})
