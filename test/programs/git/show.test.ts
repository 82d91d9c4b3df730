import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { dirHash } from '../../../src/core/dirhash.ts'
import { readRemote } from '../../../src/git/read-remote.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { startWebServer } from '../../support/servers/web-server.ts'
import { withMethods, write } from '../../support/stores/stores.ts'
import { type MemoryGit, makeMemoryGit } from '../../support/worlds/memory-git.ts'

const ID = '01234567-89ab-cdef-0123-456789abcdef'

let world: MemoryGit
let repo: string
let disk: Store
beforeAll(async () => {
  world = await makeMemoryGit()
  repo = await world.newRepo('described')
  await mkdir(join(repo, '.datalad'))
  await writeFile(join(repo, '.datalad/config'), `[datalad "dataset"]\n\tid = ${ID}\n`)
  await world.gitOk(repo, 'add', '.datalad')
  await world.commit(repo, 'README.md', '# A study\n\nof \u001b[31mthings\n')
  for (let i = 0; i < 5; i++) await world.commit(repo, 'changing', 'x'.repeat(5000) + i)
  await world.gitOk(repo, 'tag', '-a', 'v1', '-m', 'a tag')
  const root = world.workspace.path('disk')
  await mkdir(join(root, 'aaa'), { recursive: true })
  disk = openLocalStore({ root })
  await write(disk, 'ria-layout-version', '1\n')
})
afterEach(() => world?.reset())
afterAll(async () => {
  await disk?.close()
  await world?.remove()
})

/** The bare repository as git leaves it after a push. */
async function bareRepository(directory: string): Promise<string> {
  const path = join(world.workspace.path('disk'), directory)
  await world.gitOk(repo, 'init', '-q', '--bare', path)
  await write(disk, `${directory}/ria-layout-version`, '2\n')
  await world.gitOk(repo, 'push', '-q', path, 'main', 'v1')
  return path
}

async function expected(isRefs = true) {
  const main = (await world.gitOk(repo, 'rev-parse', 'main')).trim()
  const v1 = (await world.gitOk(repo, 'rev-parse', 'v1')).trim()
  return {
    head: 'refs/heads/main',
    ...(isRefs && {
      refs: new Map([
        ['refs/heads/main', main],
        ['refs/tags/v1', v1],
      ]),
    }),
    config: { 'datalad.dataset.id': ID },
    readme: { name: 'README.md', text: '# A study\n\nof \u001b[31mthings\n' },
  }
}

describe('what a dataset is can be read without a clone', () => {
  test('from a store without links or programs, as our git wrote it', async () => {
    const url = await world.dataset('aaa-shown')
    await world.gitOk(repo, 'push', '-q', url, 'main', 'v1')
    expect(await readRemote(new StoredDataset(world.store, 'aaa/-shown'))).toMatchObject(await expected())
  })

  test('from a disk, as git itself wrote it: loose, and packed with deltas', async () => {
    const path = await bareRepository('aaa/git')
    expect(await readRemote(new StoredDataset(disk, 'aaa/git'))).toMatchObject(await expected())
    await world.gitOk(path, 'repack', '-adfq')
    await world.gitOk(path, 'pack-refs', '--all')
    expect(await readRemote(new StoredDataset(disk, 'aaa/git'))).toMatchObject(await expected())
  })

  test('from a web server, which says what is missing where git was not told to show it', async () => {
    const path = await bareRepository('aaa/web')
    const before = await startWebServer(world.workspace.path('disk'))
    const unshown = openHttpStore({ url: before.url })
    const words = /info\/refs: .*git update-server-info has to be run/
    await expect(readRemote(new StoredDataset(unshown, 'aaa/web'))).rejects.toThrow(words)
    await unshown.close()
    await before.close()
    await world.gitOk(path, 'repack', '-adq')
    await world.gitOk(path, 'update-server-info')
    const server = await startWebServer(world.workspace.path('disk'))
    const web = openHttpStore({ url: server.url })
    try {
      expect(await readRemote(new StoredDataset(web, 'aaa/web'))).toMatchObject(await expected())
    } finally {
      await web.close()
      await server.close()
    }
  })

  test('an empty one has no files, and where there is none that is said', async () => {
    await world.gitOk(repo, 'init', '-q', '--bare', join(world.workspace.path('disk'), 'aaa/empty'))
    expect(await readRemote(new StoredDataset(disk, 'aaa/empty'))).toMatchObject({
      refs: new Map(),
      config: {},
      readme: undefined,
    })
    await expect(readRemote(new StoredDataset(disk, 'aaa/none'))).rejects.toMatchObject({ kind: 'missing' })
  })

  test('what cannot be looked at is an error, and no absence', async () => {
    const path = await bareRepository('aaa/denied')
    for (const [op, failing] of [
      ['get', /objects\/[0-9a-f]{2}\//],
      ['children', /objects\/pack/],
    ] as const) {
      if (op === 'children') await world.gitOk(path, 'repack', '-adq')
      const store = withMethods(disk, {
        [op]: (...all: [string]) => {
          if (failing.test(all[0])) throw Object.assign(new Error('cannot be looked at'), { kind: 'unreachable' })
          return (disk[op] as (...args: unknown[]) => unknown)(...all)
        },
      })
      await expect(readRemote(new StoredDataset(store, 'aaa/denied'))).rejects.toThrow(/cannot be looked at/)
    }
  })
})

test('the program shows it, and lets nothing move the cursor', async () => {
  await bareRepository('aaa/shown')
  const show = (...args: string[]) => riastore(['show', world.workspace.path('disk'), 'aaashown', ...args])
  const { code, stdout } = await show()
  expect(code).toBe(0)
  expect(stdout).toContain(`datalad.dataset.id = ${ID}`)
  expect(stdout).toContain('# A study')
  expect(stdout).not.toContain('\u001b')
  expect(objectsOf(await show('--json'), 'dataset')[0]).toMatchObject({
    dataset: 'aaashown',
    ...(await expected(false)),
  })
})

describe('an annexed README', () => {
  const id = `abb${ID.slice(3)}`
  const at = `abb/${ID.slice(3)}`
  const text = '# An annexed study\n'
  const key = `MD5E-s${text.length}--${createHash('md5').update(text).digest('hex')}.md`
  const place = `${at}/annex/objects/${dirHash(key).mixed}/${key}/${key}`

  test.each([
    ['locked', annexLink(key)],
    ['unlocked', `/annex/objects/${key}\n`],
  ])(
    'that is %s is shown as the store has it, and not when its content is damaged or not there',
    async (_how, file) => {
      await write(disk, `${at}/ria-layout-version`, '2\n')
      await commitFiles(disk, at, { 'README.md': file })
      const root = world.workspace.path('disk')
      const readme = async () => objectsOf(await riastore(['show', '--json', root, id]), 'dataset')[0]?.readme
      expect(await readme()).toEqual({ name: 'README.md', key })
      await write(disk, place, text.replace('study', 'stuDY'))
      expect(await readme()).toEqual({ name: 'README.md', key })
      expect((await riastore(['show', root, id])).stdout).toContain('annexed; riastore ls says whether')
      await write(disk, place, text)
      expect(await readme()).toEqual({ name: 'README.md', key, text })
      await disk.remove(place)
    },
  )
})
