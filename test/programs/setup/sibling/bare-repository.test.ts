import { lchown, mkdir, rm, symlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { removeAlias, setAlias } from '../../../../src/git/alias.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import {
  finishRepository,
  inspectRepository,
  makeRepository,
  removeRepository,
} from '../../../../src/setup/sibling/bare-repository.ts'
import type { RepositoryWish } from '../../../../src/setup/sibling/repository-wish.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { openMemoryStore } from '../../../../src/store/memory.ts'
import type { Store } from '../../../../src/store/store.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { runOk } from '../../../support/programs/run.ts'
import { isRoot } from '../../../support/programs/users.ts'
import { paths, read, temporaryDirectory, write } from '../../../support/stores/stores.ts'

const WISH: RepositoryWish = {
  git: true,
  annex: true,
  uuid: 'our-uuid',
  shared: undefined,
  group: undefined,
  hook: false,
  branch: 'trunk',
  isNew: true,
  token: 'token',
}

/** The dataset that is to be made in a store. */
const placed = (store: Store, directory = 'abc/def') => new StoredDataset(store, directory)

test('written file by file, a repository has its layout file last', async () => {
  const store = withFaults(openMemoryStore(), [])
  await makeRepository(placed(store), 'files', WISH, {})
  expect(store.calls.filter(({ op }) => op === 'put').at(-1)?.path).toBe('abc/def/ria-layout-version')
  expect(await inspectRepository(new StoredDataset(store, 'abc/def'), {})).toEqual({
    hasGit: true,
    hasLayout: true,
    uuid: 'our-uuid',
    sharing: undefined,
    hasHook: false,
  })
  expect((await read(store, 'abc/def/HEAD')).toString()).toBe('ref: refs/heads/trunk\n')
})

test('made in an append-only store, git itself refuses to lose a ref of it', async () => {
  const directory = await temporaryDirectory()
  const store = openLocalStore({ root: directory.path })
  try {
    await write(store, 'ria-layout-version', '1|a\n')
    await makeRepository(placed(store), 'shell', WISH, {})
    const config = (await read(store, 'abc/def/config')).toString()
    expect(config).toMatch(/denyNonFastForwards = true\n\tdenyDeletes = true/)
  } finally {
    await store.close()
    await directory.remove()
  }
})

test('of two who make it at once, one is told', async () => {
  const store = openMemoryStore()
  await makeRepository(placed(store), 'files', { ...WISH, uuid: 'their-uuid' }, {})
  await expect(makeRepository(placed(store), 'files', WISH, {})).rejects.toMatchObject({ kind: 'conflict' })
  expect(await removeRepository(placed(store), 'files', WISH, false, {})).toBeUndefined()
  expect((await inspectRepository(new StoredDataset(store, 'abc/def'), {})).uuid).toBe('their-uuid')
})

test('one that is there gets the uuid, and keeps the rest of its configuration', async () => {
  const store = openMemoryStore()
  await write(store, 'abc/def/config', '[core]\n\tbare = true\n[mine]\n\tkey = value\n')
  await write(store, 'abc/def/HEAD', 'ref: refs/heads/old\n')
  await makeRepository(placed(store), 'files', { ...WISH, isNew: false }, {})
  const config = (await read(store, 'abc/def/config')).toString()
  expect(config).toContain('[mine]\n\tkey = value\n')
  expect((await inspectRepository(new StoredDataset(store, 'abc/def'), {})).uuid).toBe('our-uuid')
  expect((await read(store, 'abc/def/HEAD')).toString()).toBe('ref: refs/heads/old\n')
})

test('whichever file cannot be written, all that was made is taken back', async () => {
  const whole = withFaults(openMemoryStore(), [])
  await makeRepository(placed(whole), 'files', WISH, {})
  const puts = whole.calls.filter(({ op }) => op === 'put').length
  for (let nth = 1; nth <= puts; nth++) {
    for (const at of ['before', 'after'] as const) {
      const store = openMemoryStore()
      const faulty = withFaults(store, [{ op: 'put', nth, fail: 'unreachable', at }])
      await expect(makeRepository(placed(faulty), 'files', WISH, {})).rejects.toMatchObject({ kind: 'unreachable' })
      expect(await removeRepository(placed(store), 'files', WISH, false, {})).toBeUndefined()
      expect(await paths(store, ''), `put ${nth}, ${at}`).toEqual([])
    }
  }
})

test.each(['annex/objects/a/b/key/key', 'archives/archive.7z', 'objects/pack/pack-1.pack'])(
  'with %s in it, it is left as it is',
  async (name) => {
    const store = openMemoryStore()
    await makeRepository(placed(store), 'files', WISH, {})
    await write(store, `abc/def/${name}`, 'x')
    expect(await removeRepository(placed(store), 'files', WISH, true, {})).toMatch(/was left: it is in use/)
    expect((await inspectRepository(new StoredDataset(store, 'abc/def'), {})).hasLayout).toBe(true)
  },
)

test('a layout that is not known is not touched', async () => {
  const store = openMemoryStore()
  await write(store, 'abc/def/ria-layout-version', '9\n')
  await expect(inspectRepository(new StoredDataset(store, 'abc/def'), {})).rejects.toThrow(
    /layout version 9, and this program knows 1 and 2/,
  )
})

test('of several who make one at once with git, at most one does, and it is whole', async () => {
  const directory = await temporaryDirectory()
  const store = openLocalStore({ root: directory.path })
  try {
    for (let round = 1; round <= 20; round++) {
      const wishes = ['a', 'b', 'c'].map((uuid) => ({ ...WISH, uuid, token: `${uuid}.tmp` }))
      const dataset = placed(store, `abc/${round}`)
      const made = await Promise.allSettled(wishes.map((wish) => makeRepository(dataset, 'shell', wish, {})))
      const winners = wishes.filter((_wish, at) => made[at]?.status === 'fulfilled')
      expect(winners.length).toBeLessThanOrEqual(1)
      for (const each of made)
        if (each.status === 'rejected') expect(each.reason, String(each.reason)).toMatchObject({ kind: 'conflict' })
      for (const loser of wishes.filter((wish) => !winners.includes(wish)))
        expect(await removeRepository(dataset, 'shell', loser, false, {})).toBeUndefined()
      const state = await inspectRepository(dataset, {})
      expect([state.hasLayout, state.uuid]).toEqual([winners.length === 1, winners[0]?.uuid])
      // Who lost may try again.
      if (winners[0] === undefined && wishes[0]) await makeRepository(dataset, 'shell', wishes[0], {})
    }
  } finally {
    await store.close()
    await directory.remove()
  }
})

test('whoever is interrupted right when git has made one takes it back, and one that is finished is git’s alone', async () => {
  const directory = await temporaryDirectory()
  const store = openLocalStore({ root: directory.path })
  try {
    const interrupted = withFaults(store, [{ op: 'exec', fail: 'aborted', at: 'after' }])
    await expect(makeRepository(placed(interrupted), 'shell', WISH, {})).rejects.toMatchObject({ kind: 'aborted' })
    expect(await paths(store, 'abc/def')).toContain('abc/def/ria-layout-version')
    expect(await removeRepository(placed(store), 'shell', WISH, false, {})).toBeUndefined()
    expect(await paths(store, '')).toEqual([])
    await makeRepository(placed(store), 'shell', WISH, {})
    await finishRepository(placed(store), 'shell', WISH, {})
    expect(await paths(store, '')).not.toContain('abc/def/token')
  } finally {
    await store.close()
    await directory.remove()
  }
})

describe.skipIf(!isRoot)('where a stranger has put a link', () => {
  const HOSTILE = 61_031

  test.each(['annex', 'annex/objects', 'archives', 'hooks', 'config', 'HEAD', 'objects', 'refs'])(
    'in the place of %s, nothing is made by a shell',
    async (part) => {
      const { path, remove } = await temporaryDirectory()
      await mkdir(`${path}/store`)
      const store = openLocalStore({ root: `${path}/store` })
      try {
        await makeRepository(placed(store), 'shell', { ...WISH, shared: 'group' }, {})
        await mkdir(`${path}/outside`)
        await rm(`${path}/store/abc/def/${part}`, { recursive: true, force: true })
        await symlink(`${path}/outside`, `${path}/store/abc/def/${part}`)
        await lchown(`${path}/store/abc/def/${part}`, HOSTILE, HOSTILE)
        const before = (await runOk('find', [`${path}/outside`, '-ls'])).stdout
        const made = makeRepository(placed(store), 'shell', { ...WISH, shared: 'group', isNew: false, hook: true }, {})
        await expect(made).rejects.toMatchObject({ kind: 'denied' })
        expect((await runOk('find', [`${path}/outside`, '-ls'])).stdout).toBe(before)
      } finally {
        await store.close()
        await remove()
      }
    },
  )

  test('in the place of the directory of aliases, no alias is made or removed by a shell', async () => {
    const { path, remove } = await temporaryDirectory()
    await mkdir(`${path}/store`)
    const store = openLocalStore({ root: `${path}/store` })
    try {
      await makeRepository(placed(store), 'shell', WISH, {})
      await mkdir(`${path}/outside`)
      await symlink('../store/abc/def', `${path}/outside/taken`)
      await symlink(`${path}/outside`, `${path}/store/alias`)
      await lchown(`${path}/store/alias`, HOSTILE, HOSTILE)
      await expect(setAlias(new StoredDataset(store, 'abc/def'), 'name', {})).rejects.toMatchObject({ kind: 'denied' })
      await expect(removeAlias(store, 'taken', {})).rejects.toMatchObject({ kind: 'denied' })
      expect((await runOk('ls', [`${path}/outside`])).stdout).toBe('taken\n')
    } finally {
      await store.close()
      await remove()
    }
  })
})
