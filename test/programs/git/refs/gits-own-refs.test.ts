import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readForeign } from '../../../../src/git/refs/gits-own-refs.ts'
import { StoredRepository } from '../../../../src/git/repository.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { runOk } from '../../../support/programs/run.ts'
import { temporaryDirectory, withMethods, write } from '../../../support/stores/stores.ts'

const DIRECTORY = 'abc/def'

let place: Awaited<ReturnType<typeof temporaryDirectory>>
/** The repository as git wrote it, on a store where nothing can be run. */
let bare: string
let work: string
let store: Store
let env: NodeJS.ProcessEnv
let before: string | undefined

beforeEach(async () => {
  place = await temporaryDirectory()
  await writeFile(join(place.path, 'config'), '[user]\n\tname = A\n\temail = a@b\n[init]\n\tdefaultBranch = main\n')
  env = { ...process.env, GIT_CONFIG_GLOBAL: join(place.path, 'config'), GIT_CONFIG_NOSYSTEM: '1' }
  bare = join(place.path, 'store', DIRECTORY)
  work = join(place.path, 'work')
  await mkdir(bare, { recursive: true })
  await git(place.path, 'init', '-q', '--bare', bare)
  await git(place.path, 'init', '-q', work)
  await commit('one')
  await git(work, 'tag', '-a', 'v1', '-m', 'a tag')
  await push('main', 'v1')
  const local = openLocalStore({ root: join(place.path, 'store') })
  store = withMethods(local, { traits: { ...local.traits, exec: false } })
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  before = process.env.GIT_DIR
})
afterEach(async () => {
  if (before === undefined) delete process.env.GIT_DIR
  else process.env.GIT_DIR = before
  await store.close()
  await place.remove()
})

async function git(cwd: string, ...args: string[]): Promise<string> {
  return (await runOk('git', args, { env, cwd })).stdout.trim()
}

async function commit(name: string): Promise<string> {
  await writeFile(join(work, name), `${name}\n`)
  await git(work, 'add', name)
  await git(work, 'commit', '-q', '-m', name)
  return git(work, 'rev-parse', 'HEAD')
}

/** As a server's git takes a small push: each object becomes a file. */
const push = (...refs: string[]) => git(work, 'push', '-q', bare, ...refs)

/** A repository of ours, which what runs in this process works on. */
async function ours(name: string): Promise<{ path: string; repository: StoredRepository }> {
  const path = join(place.path, name)
  await git(place.path, 'init', '-q', '--bare', path)
  process.env.GIT_DIR = path
  return { path, repository: new StoredRepository(new StoredDataset(store, DIRECTORY), { gitDir: path, shows: false }) }
}

async function fetched(name: string, state?: Awaited<ReturnType<StoredRepository['state']>>, depth?: number) {
  const { path, repository } = await ours(name)
  const listed = state ?? (await repository.state())
  await repository.fetch(listed, [...new Set(listed.refs.values())], depth)
  for (const [ref, id] of listed.refs) await git(path, 'update-ref', ref, id)
  return path
}

const looseFiles = async () => (await readdir(join(bare, 'objects'))).filter((name) => name.length === 2)

describe('a repository that git itself wrote', () => {
  test('is fetched whole, its objects in files of their own as well as those in packs', async () => {
    await git(bare, 'gc', '-q')
    expect(await looseFiles()).toEqual([])
    await commit('two')
    await push('main')
    expect(await looseFiles()).not.toEqual([])
    const path = await fetched('clone')
    expect(await git(path, 'log', '--format=%s', 'main')).toBe('two\none')
    await git(path, 'rev-parse', 'v1^{commit}')
    await git(path, 'fsck', '--full', '--strict')
  })

  test('is fetched in part, as deep as was asked for', async () => {
    await commit('two')
    await push('main')
    const path = await fetched('shallow', undefined, 1)
    expect(await git(path, 'log', '--format=%s', 'main')).toBe('two')
  })

  test('is fetched all the same when git packs it while it is read', async () => {
    const listed = await (await ours('other')).repository.state()
    expect(listed.loose).not.toEqual([])
    await git(bare, 'gc', '-q', '--prune=now')
    expect(await looseFiles()).toEqual([])
    expect(await git(await fetched('clone', listed), 'log', '--format=%s', 'main')).toBe('one')
  })

  test('that lacks an object is an error, and no ref is changed', async () => {
    const tree = await git(work, 'rev-parse', 'HEAD^{tree}')
    await rm(join(bare, 'objects', tree.slice(0, 2), tree.slice(2)))
    await expect(fetched('clone')).rejects.toThrow('lack objects that its refs need')
  })

  test('with an object whose file holds another is an error', async () => {
    const [one, two] = await Promise.all([git(work, 'rev-parse', 'HEAD:one'), commit('two')])
    await push('main')
    const file = (id: string) => join(bare, 'objects', id.slice(0, 2), id.slice(2))
    const wrong = await readFile(file(two))
    await rm(file(one))
    await writeFile(file(one), wrong)
    await expect(fetched('clone')).rejects.toThrow()
  })

  test('is whole in its packs from the first push on', async () => {
    const two = await commit('two')
    const { repository } = await ours('pusher')
    const state = await repository.state()
    await git(work, 'push', '-q', process.env.GIT_DIR ?? '', 'main')
    const { results } = await repository.push([{ name: 'refs/heads/main', to: two, force: true }], state)
    expect([...results]).toEqual([['refs/heads/main', undefined]])
    for (const name of await looseFiles()) await rm(join(bare, 'objects', name), { recursive: true })
    const path = await fetched('clone')
    expect(await git(path, 'log', '--format=%s', 'main')).toBe('two\none')
    await git(path, 'rev-parse', 'v1^{commit}')
    // git sees the same, without us.
    await git(bare, 'fsck', '--full', '--strict')
  })

  test('is whole in its packs from its first alias on', async () => {
    const { repository } = await ours('renamer')
    await repository.changeAliases(() => ['mydata'])
    for (const name of await looseFiles()) await rm(join(bare, 'objects', name), { recursive: true })
    await git(bare, 'fsck', '--full', '--strict')
    expect((await repository.state()).generation).toBe(1)
  })

  test.each([
    ['objectformat', 'sha256'],
    ['refStorage', 'reftable'],
  ])('with the extension %s = %s is refused by that name, instead of looking empty', async (name, value) => {
    await git(bare, 'config', 'core.repositoryformatversion', '1')
    await writeFile(join(bare, 'config'), `[extensions]\n\t${name} = ${value}\n`, { flag: 'a' })
    await expect(readForeign(new StoredDataset(store, DIRECTORY), {})).rejects.toMatchObject({
      kind: 'unsupported',
      reason: expect.stringContaining(`extensions.${name}=${value}`),
    })
  })
})
