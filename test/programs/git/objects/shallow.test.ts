import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MemoryGit, makeMemoryGit } from '../../../support/worlds/memory-git.ts'

let world: MemoryGit
beforeAll(async () => {
  world = await makeMemoryGit()
})
afterAll(() => world?.remove())

/** What a user sees of clones that are cut off, made longer, and made whole. */
async function shallowLife(name: string, url: string): Promise<unknown[]> {
  const said: unknown[] = []
  const repo = await world.newRepo(name)
  for (const each of ['one', 'two', 'three']) await world.commit(repo, each)
  await world.gitOk(repo, 'tag', '-a', 'old', '-m', 'a tag', 'HEAD~2')
  await world.gitOk(repo, 'checkout', '-q', '-b', 'side', 'HEAD~1')
  await world.commit(repo, 'beside')
  await world.gitOk(repo, 'checkout', '-q', 'main')
  await world.gitOk(repo, 'merge', '-q', '--no-edit', 'side')
  await world.gitOk(repo, 'push', '-q', url, 'main', 'side', 'old')
  const clone = await world.clone(url, `${name}-clone`, '--depth', '1')
  const look = async () => {
    await world.gitOk(clone, 'fsck', '--full', '--strict')
    const objects = (await world.gitOk(clone, 'cat-file', '--batch-all-objects', '--batch-check')).split('\n').length
    said.push([
      (await world.gitOk(clone, 'log', '--all', '--format=%s')).trim().split('\n').sort(),
      await world.gitOk(clone, 'tag'),
      await world.gitOk(clone, 'rev-parse', '--is-shallow-repository'),
      objects,
    ])
  }
  await look()
  await world.gitOk(clone, 'fetch', '-q', '--depth', '2')
  await look()
  await world.commit(clone, 'pushed from there')
  await world.gitOk(clone, 'push', '-q', 'origin', 'main')
  await world.gitOk(clone, 'fetch', '-q', '--unshallow')
  // git has looked for tags before it saw what came: it finds them the next time.
  await world.gitOk(clone, 'fetch', '-q')
  await look()
  await world.gitOk(repo, 'pull', '-q', url, 'main')
  said.push(await world.gitOk(repo, 'log', '-1', '--format=%s'))
  return said
}

test('a shallow clone is as one over file, is made longer, pushes, and is made whole', async () => {
  const bare = world.workspace.path('bare')
  await world.gitOk(world.workspace.directory, 'init', '-q', '--bare', bare)
  const expected = await shallowLife('of-git', `file://${bare}`)
  expect(await shallowLife('ours', await world.dataset('aaa-shallow'))).toEqual(expected)
})

test('a shallow clone is fetched into again, and gets all that it lacks', async () => {
  const url = await world.dataset('aab-shallow')
  const repo = await world.newRepo('again')
  for (const each of ['one', 'two', 'three']) await world.commit(repo, each)
  await world.gitOk(repo, 'push', '-q', url, 'main')
  const clone = await world.clone(url, 'again-clone', '--depth', '1')
  await world.commit(repo, 'four')
  await world.gitOk(repo, 'push', '-q', url, 'main')
  await world.gitOk(clone, 'pull', '-q')
  expect(await world.gitOk(clone, 'rev-parse', 'HEAD')).toBe(await world.gitOk(repo, 'rev-parse', 'HEAD'))
  await world.gitOk(clone, 'fsck', '--full', '--strict')
})
