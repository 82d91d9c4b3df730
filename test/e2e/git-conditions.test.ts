import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { read, write } from '../support/stores/stores.ts'
import { type GitWorld, makeGitWorld } from '../support/worlds/git-world.ts'

let world: GitWorld
beforeAll(async () => {
  world = await makeGitWorld({ isPublic: true })
})
afterEach(() => world?.faults.reset())
afterAll(() => world?.remove())

const LOG = 'aaa/-conditions/riastore/refs'

describe('a server that does not honour conditions', () => {
  test('is named, and nothing is pushed to it', async () => {
    const url = await world.dataset('aaa-conditions')
    const repo = await world.newRepo('refused')
    await world.commit(repo, 'a file')
    world.faults.misbehave({ on: /^PUT/, deafTo: ['if-none-match'] })
    const push = await world.git(repo, 'push', url, 'main')
    expect(push.status).not.toBe(0)
    expect(push.stderr).toContain('ignores If-None-Match')
    expect(push.stderr.split('\n').filter((line) => line.startsWith('fatal:'))).toHaveLength(1)
    expect(await world.gitOk(repo, 'ls-remote', url)).toBe('')
  })

  test('that honoured them before is found out when a push was replaced by another', async () => {
    const url = await world.dataset('aaa-conditions')
    const repo = await world.newRepo('replaced')
    await world.commit(repo, 'a file')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    await world.commit(repo, 'another')
    const before = (await read(world.bucket, `${LOG}/0000000001`)).toString()
    // Somebody else's push, at the same moment: it lands on ours.
    world.faults.reset()
    world.faults.misbehave({ on: /^PUT .*packed-refs/, times: 1, status: 503, code: 'SlowDown' })
    const pushing = world.git(repo, 'push', url, 'main')
    while (!world.faults.requests.some((request) => /PUT .*packed-refs/.test(request)))
      await new Promise((resolve) => setTimeout(resolve, 2))
    const theirs = before.replace('"generation": 1', '"generation": 2').replace(/"token": "[^"]*"/, '"token": "theirs"')
    await write(world.bucket, `${LOG}/0000000002`, theirs)
    const push = await pushing
    expect(push.status).not.toBe(0)
    expect(push.stderr).toContain('was replaced by that of somebody else')
  })
})

test('an answer that got lost does not lose the push, nor do it twice', async () => {
  const url = await world.dataset('aab-conditions')
  const repo = await world.newRepo('lost-answer')
  await world.commit(repo, 'a file')
  await world.gitOk(repo, 'push', '-q', url, 'main')
  await world.commit(repo, 'another')
  // It is stored; what comes back is cut.
  world.faults.misbehave({ on: /^PUT .*riastore\/refs/, times: 1, cutAfter: 0, headers: { 'content-length': '10' } })
  await world.gitOk(repo, 'push', '-q', url, 'main')
  expect((await world.gitOk(repo, 'ls-remote', url, 'main')).split('\t')[0]).toBe(
    (await world.gitOk(repo, 'rev-parse', 'main')).trim(),
  )
})

test('a download that is cut half-way goes on, or ends with one line and an unharmed repository', async () => {
  const url = await world.dataset('aac-conditions')
  const repo = await world.newRepo('cut')
  await world.commit(repo, 'noise', Buffer.from(Array.from({ length: 300_000 }, () => Math.random() * 256)))
  await world.gitOk(repo, 'push', '-q', url, 'main')
  world.faults.misbehave({ on: /^GET .*\.pack/, times: 1, cutAfter: 100_000 })
  const clone = await world.clone(url, 'cut-once')
  await world.gitOk(clone, 'fsck', '--full', '--strict')

  await world.commit(repo, 'more noise', Buffer.from(Array.from({ length: 300_000 }, () => Math.random() * 256)))
  await world.gitOk(repo, 'push', '-q', url, 'main')
  world.faults.misbehave({ on: /^GET .*\.pack/, cutAfter: 100 })
  const fetch = await world.git(clone, 'fetch')
  expect(fetch.status).not.toBe(0)
  expect(fetch.stderr.split('\n').filter((line) => line.startsWith('fatal:'))).toHaveLength(1)
  await world.gitOk(clone, 'fsck', '--full', '--strict')
  world.faults.reset()
  world.faults.misbehave({ on: /^GET .*\.pack/, body: (body) => Buffer.from(body).fill(0, 200, 300) })
  const damaged = await world.git(clone, 'fetch')
  expect(damaged.status).not.toBe(0)
  world.faults.reset()
  await world.gitOk(clone, 'fsck', '--full', '--strict')
  await world.gitOk(clone, 'pull', '-q')
  expect(await world.gitOk(clone, 'rev-parse', 'HEAD')).toBe(await world.gitOk(repo, 'rev-parse', 'HEAD'))
})
