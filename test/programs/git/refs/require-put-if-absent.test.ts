import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { CallMade, Fault, FaultyOp } from '../../../../src/store/wrappers/faulty.ts'
import { read, write } from '../../../support/stores/stores.ts'
import { type MemoryGit, makeMemoryGit } from '../../../support/worlds/memory-git.ts'

let world: MemoryGit
beforeAll(async () => {
  world = await makeMemoryGit()
})
afterEach(() => world?.reset())
afterAll(() => world?.remove())

/** A fault for the first call of the kind. */
function once(op: FaultyOp, path: RegExp, fault: Fault): (call: CallMade) => Fault | undefined {
  let isOver = false
  return (call) => {
    if (isOver || call.op !== op || !path.test(call.path)) return undefined
    isOver = true
    return fault
  }
}

const LOG = 'aaa/-conditions/riastore/refs'

describe('a store that does not honour conditions', () => {
  test('is named, and nothing is pushed to it', async () => {
    const url = await world.dataset('aaa-conditions')
    const repo = await world.newRepo('refused')
    await world.commit(repo, 'a file')
    world.change({
      put: (path, source, { ifAbsent: _deaf, ...options } = {}) => world.store.put(path, source, options),
    })
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
    const before = (await read(world.store, `${LOG}/0000000001`)).toString()
    const theirs = before.replace('"generation": 1', '"generation": 2').replace(/"token": "[^"]*"/, '"token": "theirs"')
    // Somebody else's push, at the same moment: it lands on ours.
    world.change({
      put: async (path, ...rest) => {
        if (path.endsWith('packed-refs')) await write(world.store, `${LOG}/0000000002`, theirs)
        return world.store.put(path, ...rest)
      },
    })
    const push = await world.git(repo, 'push', url, 'main')
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
  // It is stored; what comes back is lost.
  world.fail(once('put', /riastore\/refs\//, { fail: 'unreachable', at: 'after' }))
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
  world.fail(once('get', /\.pack$/, { fail: 'unreachable', at: 100_000 }))
  const clone = await world.clone(url, 'cut-once')
  await world.gitOk(clone, 'fsck', '--full', '--strict')

  await world.commit(repo, 'more noise', Buffer.from(Array.from({ length: 300_000 }, () => Math.random() * 256)))
  await world.gitOk(repo, 'push', '-q', url, 'main')
  const packs = (fault: Fault) => (call: CallMade) =>
    /\.pack$/.test(call.path) && call.op === 'get' ? fault : undefined
  world.fail(packs({ fail: 'unreachable', at: 100 }))
  const fetch = await world.git(clone, 'fetch')
  expect(fetch.status).not.toBe(0)
  expect(fetch.stderr.split('\n').filter((line) => line.startsWith('fatal:'))).toHaveLength(1)
  await world.gitOk(clone, 'fsck', '--full', '--strict')
  world.reset()
  world.fail(packs({ flip: 250 }))
  const damaged = await world.git(clone, 'fetch')
  expect(damaged.status).not.toBe(0)
  world.reset()
  await world.gitOk(clone, 'fsck', '--full', '--strict')
  await world.gitOk(clone, 'pull', '-q')
  expect(await world.gitOk(clone, 'rev-parse', 'HEAD')).toBe(await world.gitOk(repo, 'rev-parse', 'HEAD'))
})
