import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { run } from '../../support/programs/run.ts'
import { paths, write } from '../../support/stores/stores.ts'
import { type MemoryGit, makeMemoryGit } from '../../support/worlds/memory-git.ts'

let world: MemoryGit
let repo: string
beforeAll(async () => {
  world = await makeMemoryGit()
  repo = await world.newRepo('origin')
  await world.commit(repo, 'by git')
  await world.gitOk(repo, 'tag', '-a', 'v1', '-m', 'a tag')
})
afterAll(() => world?.remove())

/** A bare repository that git wrote, copied into the bucket as it is. Gives its URL. */
async function copied(id: string, ...gc: string[]): Promise<string> {
  const url = await world.dataset(id)
  const bare = world.workspace.path(id)
  await world.gitOk(world.workspace.directory, 'init', '-q', '--bare', bare)
  await world.gitOk(repo, 'push', '-q', bare, 'main', 'v1')
  if (gc.length > 0) await world.gitOk(bare, ...gc)
  for (const name of await readdir(bare, { recursive: true })) {
    const file = join(bare, name)
    if ((await stat(file)).isFile()) await write(world.store, `${datasetDirectory(id)}/${name}`, await readFile(file))
  }
  return url
}

describe('a repository that git wrote, copied into a store', () => {
  test.each([
    ['aaa-packed', ['gc', '-q']],
    ['aab-loose-refs', ['repack', '-adq']],
    ['aac-loose-objects', []],
  ])('is cloned and pushed to, and others see what was pushed: %s', async (id, gc) => {
    const url = await copied(id, ...gc)
    const clone = await world.clone(url, `${id}-clone`)
    await world.gitOk(clone, 'rev-parse', 'v1')
    await world.commit(clone, 'by us')
    await world.gitOk(clone, 'push', '-q', 'origin', 'main')
    const stock = await world.clone(await world.web(datasetDirectory(id)), `${id}-stock`)
    expect(await world.gitOk(stock, 'log', '--format=%s')).toBe('by us\nby git\n')
    expect(await world.gitOk(stock, 'tag')).toBe('v1\n')
    // Refs that git kept as files would hide ours from who copies the repository back.
    expect(await paths(world.store, `${datasetDirectory(id)}/refs`)).toEqual([`${datasetDirectory(id)}/refs/.keep`])
    await world.gitOk(await world.clone(url, `${id}-again`), 'fsck', '--full', '--strict')
  })
})

test('objects that are malformed are refused by who asked for that', async () => {
  const url = await world.dataset('aad-malformed')
  const bad = await world.newRepo('malformed')
  await world.commit(bad, 'a file')
  const text = (await world.gitOk(bad, 'cat-file', 'commit', 'HEAD')).replace(/^author .*$/m, 'author nobody')
  const made = await run('git', ['hash-object', '-t', 'commit', '-w', '--stdin', '--literally'], {
    env: world.env,
    cwd: bad,
    input: text,
  })
  await world.gitOk(bad, 'push', '-q', url, `${made.stdout.trim()}:refs/heads/main`)
  const strict = await world.newRepo('strict')
  await world.gitOk(strict, 'config', 'fetch.fsckObjects', 'true')
  const refused = await world.git(strict, 'fetch', url, 'main')
  expect(refused.status).not.toBe(0)
  expect(refused.stderr).toContain('index-pack')
  await world.gitOk(strict, 'config', 'fetch.fsckObjects', 'false')
  await world.gitOk(strict, 'fetch', '-q', url, 'main')
})
