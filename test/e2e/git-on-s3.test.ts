import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { setAlias } from '../../src/git/alias.ts'
import { StoredDataset } from '../../src/ria/layout/stored-dataset.ts'
import { killPushes } from '../support/kill/kill-pushes.ts'
import { run, start } from '../support/programs/run.ts'
import { paths, read } from '../support/stores/stores.ts'
import { type GitWorld, makeGitWorld } from '../support/worlds/git-world.ts'

let world: GitWorld
beforeAll(async () => {
  // Stock git looks, too, which signs no requests.
  world = await makeGitWorld({ isPublic: true })
})
afterAll(() => world?.remove())

describe('requests of git to a dataset in S3', () => {
  test('a push of one commit takes eight, and uploads only its own objects', async () => {
    const url = await world.dataset('aaa-of-the-requests')
    const repo = await world.newRepo('counted')
    await world.commit(repo, 'large', Buffer.alloc(300_000, 'what does not compress to nothing').toString('base64'))
    await world.commit(repo, 'noise', Buffer.from(Array.from({ length: 200_000 }, () => Math.random() * 256)))
    await world.gitOk(repo, 'push', '-q', url, 'main')
    const before = new Set(await paths(world.bucket, 'aaa'))
    for (const name of ['small', 'smaller']) {
      await world.commit(repo, name)
      world.faults.reset()
      await world.gitOk(repo, 'push', '-q', url, 'main')
      expect(world.faults.requests.length, world.faults.requests.join('\n')).toBeLessThanOrEqual(8)
    }
    const packs = (await paths(world.bucket, 'aaa')).filter((path) => !before.has(path) && path.endsWith('.pack'))
    expect(packs).toHaveLength(2)
    for (const pack of packs) expect((await read(world.bucket, pack)).length).toBeLessThan(1000)
  })

  test('a fetch of nothing takes one, and so does a push of nothing', async () => {
    const url = await world.dataset('aab-of-the-requests')
    const repo = await world.newRepo('nothing')
    await world.commit(repo, 'a file')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    const clone = await world.clone(url, 'nothing-clone')
    for (const args of [['fetch'], ['push', '-q']]) {
      world.faults.reset()
      await world.gitOk(clone, ...args)
      expect(world.faults.requests, world.faults.requests.join('\n')).toHaveLength(1)
    }
  })

  test('others are as few as the documentation says', async () => {
    const url = await world.dataset('aac-of-the-requests')
    const repo = await world.newRepo('documented')
    const counted = async (work: () => Promise<unknown>) => {
      world.faults.reset()
      await work()
      return world.faults.requests.length
    }
    await world.commit(repo, 'a file')
    expect(await counted(() => world.gitOk(repo, 'push', '-q', url, 'main'))).toBeLessThanOrEqual(18)
    const clone = await world.clone(url, 'documented-clone')
    await world.commit(repo, 'another')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    expect(await counted(() => world.gitOk(clone, 'fetch', '-q'))).toBeLessThanOrEqual(8)
    await setAlias(new StoredDataset(world.bucket, 'aac/-of-the-requests'), 'documented')
    await world.gitOk(clone, 'pull', '-q')
    await world.commit(clone, 'with an alias')
    await world.gitOk(clone, 'push', '-q')
    await world.commit(clone, 'again with an alias')
    expect(await counted(() => world.gitOk(clone, 'push', '-q'))).toBeLessThanOrEqual(8 + 10)
  })
})

test('the program says what it did, for people and for programs', async () => {
  const url = await world.dataset('aah-program')
  const repo = await world.newRepo('program')
  for (let i = 0; i < 3; i++) {
    await world.commit(repo, `file ${i}`)
    await world.gitOk(repo, 'push', '-q', url, 'main')
  }
  const program = world.workspace.path('programs/package/dist/riastore.js')
  const riastore = (...args: string[]) =>
    run(process.execPath, [program, 'gc', world.storeUrl, 'aah-program', ...args], { env: world.env })
  expect(await riastore('--dry-run')).toMatchObject({ status: 0, stdout: 'aah-program: would put 3 packs together\n' })
  expect(await riastore()).toMatchObject({ status: 0, stdout: 'aah-program: put 3 packs together\n' })
  const { status, stdout } = await riastore('--json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
    dataset: 'aah-program',
    packs: { before: 1, after: 1 },
  })
  expect(await riastore('--grace', 'never')).toMatchObject({ status: 2 })
})

test('the program names, lists and forgets', async () => {
  await world.dataset('aaf-by-hand')
  const riastore = async (...args: string[]) => {
    const program = world.workspace.path('programs/package/dist/riastore.js')
    return run(process.execPath, [program, 'alias', ...args], { env: world.env })
  }
  expect(await riastore('set', world.storeUrl, 'aaf-by-hand', 'by-hand')).toMatchObject({ status: 0 })
  expect((await riastore('ls', world.storeUrl)).stdout).toContain('~by-hand aaf-by-hand\n')
  expect(await riastore('rm', '--yes', world.storeUrl, 'by-hand')).toMatchObject({ status: 0 })
  expect((await riastore('ls', world.storeUrl)).stdout).not.toContain('by-hand')
  expect(await riastore('set', world.storeUrl, 'by-hand')).toMatchObject({ status: 2 })
})

test('a push that is killed leaves a repository that clones, and that takes the next push', async () => {
  await killPushes(world, 'aaa-killed', 4)
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
  await expect.poll(() => world.faults.requests.some((request) => /PUT .*\.pack/.test(request))).toBe(true)
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
