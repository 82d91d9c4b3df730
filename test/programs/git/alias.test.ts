import { mkdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listAliases, removeAlias, resolveAlias, setAlias } from '../../../src/git/alias.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { explain, run } from '../../support/programs/run.ts'
import { paths, read, write } from '../../support/stores/stores.ts'
import { type MemoryGit, makeMemoryGit } from '../../support/worlds/memory-git.ts'

let world: MemoryGit
beforeAll(async () => {
  world = await makeMemoryGit()
})
afterAll(() => world?.remove())

describe('an alias where there are no links', () => {
  test('leads our git to its dataset, and git over HTTP to a copy that each push renews', async () => {
    const url = await world.dataset('aaa-with-an-alias')
    const alias = url.replace('aaa/-with-an-alias', 'alias/mydata')
    const repo = await world.newRepo('named')
    await world.commit(repo, 'before')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    await setAlias(new StoredDataset(world.store, 'aaa/-with-an-alias'), 'mydata')
    await setAlias(new StoredDataset(world.store, 'aaa/-with-an-alias'), 'mydata')
    expect(await listAliases(world.store)).toEqual([
      { name: 'mydata', directory: 'aaa/-with-an-alias', isDangling: false },
    ])
    const clone = await world.clone(alias, 'named-clone')
    const stock = world.workspace.path('named-stock')
    const stockGit = (...args: string[]) => run('git', args, { env: world.workspace.stockEnv })
    const cloned = await stockGit('clone', '-q', await world.web('alias/mydata'), stock)
    expect(cloned.status, explain(cloned)).toBe(0)
    await world.commit(clone, 'after')
    await world.gitOk(clone, 'push', '-q', 'origin', 'main')
    await world.web('alias/mydata')
    expect(await stockGit('-C', stock, 'pull', '-q')).toMatchObject({ status: 0 })
    expect(await stockGit('-C', stock, 'log', '--format=%s')).toMatchObject({ stdout: 'after\nbefore\n' })
    expect(await stockGit('-C', stock, 'fsck', '--full', '--strict')).toMatchObject({ status: 0 })
    expect(await world.gitOk(repo, 'ls-remote', url, 'main')).toBe(await world.gitOk(repo, 'ls-remote', alias, 'main'))
  })

  test('of a dataset that nothing was pushed to yet shows what is pushed later', async () => {
    const url = await world.dataset('aab-empty')
    await setAlias(new StoredDataset(world.store, 'aab/-empty'), 'early')
    const repo = await world.newRepo('early')
    expect(await world.gitOk(repo, 'ls-remote', url)).toBe('')
    await world.commit(repo, 'a file')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    const web = await world.web('alias/early')
    const shown = await run('git', ['clone', '-q', web, world.workspace.path('early-stock')], {
      env: world.workspace.stockEnv,
    })
    expect(shown).toMatchObject({ status: 0 })
  })

  test('belongs to who has it first', async () => {
    for (const id of ['aac-one', 'aac-two']) await world.dataset(id)
    const all = ['aac/-one', 'aac/-two'].map((directory) =>
      setAlias(new StoredDataset(world.store, directory), 'wanted'),
    )
    const ends = await Promise.allSettled(all)
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const failed = ends.find((end) => end.status === 'rejected')
    expect(failed?.reason).toMatchObject({ kind: 'conflict' })
    expect(String(failed?.reason)).toContain('another dataset has this alias')
  })

  test('that was removed leaves nothing, and the name is free', async () => {
    const url = await world.dataset('aad-one')
    await world.dataset('aad-two')
    const repo = await world.newRepo('removed')
    await world.commit(repo, 'a file')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    await setAlias(new StoredDataset(world.store, 'aad/-one'), 'for-a-while')
    await removeAlias(world.store, 'for-a-while')
    expect(await paths(world.store, 'alias/for-a-while')).toEqual([])
    await world.commit(repo, 'another')
    await world.gitOk(repo, 'push', '-q', url, 'main')
    expect(await paths(world.store, 'alias/for-a-while')).toEqual([])
    await setAlias(new StoredDataset(world.store, 'aad/-two'), 'for-a-while')
    expect((await resolveAlias(new StoredDataset(world.store, 'alias/for-a-while'))).directory).toBe('aad/-two')
    await expect(removeAlias(world.store, 'nobody')).rejects.toMatchObject({ kind: 'missing' })
  })

  test('whose file names no dataset is an error, and nothing that others put there is touched', async () => {
    await world.dataset('aae-one')
    await write(world.store, 'alias/bad/riastore-alias', '../../elsewhere\n')
    await expect(resolveAlias(new StoredDataset(world.store, 'alias/bad'))).rejects.toMatchObject({ kind: 'corrupt' })
    await write(world.store, 'alias/taken/HEAD', 'of somebody\n')
    await expect(setAlias(new StoredDataset(world.store, 'aae/-one'), 'taken')).rejects.toMatchObject({
      kind: 'conflict',
    })
    expect((await read(world.store, 'alias/taken/HEAD')).toString()).toBe('of somebody\n')
    await expect(setAlias(new StoredDataset(world.store, 'aae/-one'), '../up')).rejects.toThrow('is no alias')
    await expect(setAlias(new StoredDataset(world.store, 'aae/-none'), 'x')).rejects.toMatchObject({ kind: 'missing' })
  })
})

test('an alias on a disk is a symbolic link, which DataLad and git follow', async () => {
  const root = world.workspace.path('store')
  await mkdir(root)
  const store = openLocalStore({ root })
  await write(store, 'aaa/one/ria-layout-version', '2\n')
  await write(store, 'aaa/two/ria-layout-version', '2\n')
  await setAlias(new StoredDataset(store, 'aaa/one'), 'a name')
  expect(await readlink(join(root, 'alias/a name'))).toBe('../aaa/one')
  await setAlias(new StoredDataset(store, 'aaa/one'), 'a name')
  await expect(setAlias(new StoredDataset(store, 'aaa/two'), 'a name')).rejects.toMatchObject({ kind: 'conflict' })
  expect(await listAliases(store)).toEqual([{ name: 'a name', directory: 'aaa/one', isDangling: false }])
  await write(store, 'alias/other/file', 'x')
  await expect(setAlias(new StoredDataset(store, 'aaa/two'), 'other')).rejects.toMatchObject({ kind: 'conflict' })
  await removeAlias(store, 'a name')
  expect(await listAliases(store)).toEqual([])
  expect(await paths(store, 'aaa')).toHaveLength(2)
  await store.close()
})
