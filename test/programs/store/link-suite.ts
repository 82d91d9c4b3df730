import { lchown, mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import type { Store } from '../../../src/store/store.ts'
import { failure } from '../../conformance/suite/bench.ts'
import { runOk } from '../../support/programs/run.ts'
import { paths, read, temporaryDirectory, write } from '../../support/stores/stores.ts'

/** Users who exist as numbers only. */
export const OWNER = 61_011
export const HOSTILE = 61_012

export const DATASET = 'abc/def-1'
export const OBJECTS = `${DATASET}/annex/objects`
export const KEY = 'h1/h2/MD5-s6--key/MD5-s6--key'

/** A store with a dataset, and beside it what nobody shall get at through the store. */
export interface LinkedStore {
  readonly store: Store
  /** Absolute. */
  readonly root: string
  /** Of both. */
  readonly directory: string
  /** Outside of the store, with a file `precious` that must stay as it is. */
  readonly outside: string
  /** Makes a link in the store, of a user. */
  link(target: string, path: string, owner: number): Promise<void>
  /** Puts a link in the place of the directory of all keys. */
  linkObjects(target: string, owner: number): Promise<void>
}

/** A new one for each test. Only root can make what belongs to others. */
export function useLinkedStore(openStore: (root: string) => Store): LinkedStore {
  const use = { store: undefined as unknown as Store, root: '', directory: '', outside: '' }
  let remove: () => Promise<void>
  beforeEach(async () => {
    const temporary = await temporaryDirectory()
    remove = temporary.remove
    use.directory = temporary.path
    use.root = `${temporary.path}/store`
    use.outside = `${temporary.path}/outside`
    await mkdir(`${use.root}/${OBJECTS}`, { recursive: true })
    await mkdir(use.outside)
    await writeFile(`${use.outside}/precious`, 'precious')
    await writeFile(`${use.root}/${DATASET}/file`, 'content')
    use.store = openStore(use.root)
  })
  afterEach(async () => {
    await use.store.close()
    await remove()
  })
  const link = async (target: string, path: string, owner: number) => {
    await symlink(target, `${use.root}/${path}`)
    await lchown(`${use.root}/${path}`, owner, owner)
  }
  return Object.assign(use, {
    link,
    linkObjects: async (target: string, owner: number) => {
      await runOk('rmdir', [`${use.root}/${OBJECTS}`])
      await link(target, OBJECTS, owner)
    },
  })
}

/** What every store has to do with links that knows any. */
export function linkSuite(use: LinkedStore): void {
  test.each<[string, (store: Store) => Promise<unknown>]>([
    ['stores nothing', (store) => write(store, `${OBJECTS}/precious`, 'ours')],
    ['stores nothing deeper', (store) => write(store, `${OBJECTS}/${KEY}`, 'ours')],
    [
      'keeps no temporary file',
      (store) => store.put(`${DATASET}/new`, bufferSource('x'), { temporary: `${OBJECTS}/t`, within: DATASET }),
    ],
    ['appends nothing', (store) => store.append(`${OBJECTS}/precious`, Buffer.from('ours'))],
    ['removes nothing', (store) => store.remove(`${OBJECTS}/precious`, { pruneParents: 2 })],
    ['moves nothing away', (store) => store.move(`${OBJECTS}/precious`, `${DATASET}/moved`)],
    ['moves nothing into it', (store) => store.move(`${DATASET}/file`, `${OBJECTS}/precious`)],
    ['reads nothing', (store) => read(store, `${OBJECTS}/precious`)],
    ['lists nothing', (store) => paths(store, OBJECTS)],
    ['runs nothing', (store) => store.exec(['rm', 'precious'], { cwd: OBJECTS })],
    ['does not know whether a file is there', (store) => store.stat(`${OBJECTS}/precious`)],
    ['does not know that a file is absent', (store) => store.stat(`${OBJECTS}/absent/file`)],
    ['does not know whether several are there', (store) => store.statAll([`${DATASET}/file`, `${OBJECTS}/absent`])],
  ])('%s through the link of a stranger, and says whose it is', async (_what, work) => {
    const { store, root, outside } = use
    await use.linkObjects(outside, HOSTILE)
    await lchown(`${root}/${DATASET}/annex`, OWNER, OWNER)
    const { message } = await failure(work(store), 'denied')
    expect(message).toContain(`annex/objects: it is a symbolic link of user ${HOSTILE}, which is not followed`)
    await store.close() // which takes away what it keeps ready for later
    expect((await runOk('find', [outside, '-type', 'f'])).stdout).toBe(`${outside}/precious\n`)
    expect(await readFile(`${outside}/precious`, 'utf8')).toBe('precious')
    expect(await readFile(`${root}/${DATASET}/file`, 'utf8')).toBe('content')
  })

  test.each([
    ['root', 0],
    ['the user', process.geteuid?.() ?? 0],
  ])('follows a link of %s to another disk, whatever is done', async (_whose, owner) => {
    const { store, directory } = use
    await mkdir(`${directory}/disk/objects`, { recursive: true })
    await symlink('disk', `${directory}/other`)
    await use.linkObjects('../../../../other/../other/objects/', owner)
    await write(store, `${OBJECTS}/${KEY}`, 'stored')
    expect(await readFile(`${directory}/disk/objects/${KEY}`, 'utf8')).toBe('stored')
    expect((await read(store, `${OBJECTS}/${KEY}`)).toString()).toBe('stored')
    expect(await store.stat(`${OBJECTS}/${KEY}`)).toMatchObject({ size: 6 })
    expect(await store.stat(`${OBJECTS}/h1/absent`)).toBeUndefined()
    expect(await paths(store, OBJECTS)).toEqual([`${OBJECTS}/${KEY}`])
    expect((await store.exec(['ls'], { cwd: OBJECTS })).stdout.toString()).toBe('h1\n')
    await store.move(`${OBJECTS}/${KEY}`, `${OBJECTS}/moved`)
    await write(store, `${OBJECTS}/${KEY}`, 'stored')
    await store.remove(`${OBJECTS}/${KEY}`, { pruneParents: 2 })
    const left = (await runOk('find', [`${directory}/disk/objects`, '-type', 'f'])).stdout
    expect(left).toBe(`${directory}/disk/objects/moved\n`)
  })

  test("reads through a link of the directory's owner, and neither changes nor packs anything through it", async () => {
    const { store, root, outside } = use
    await use.linkObjects(outside, OWNER)
    await lchown(`${root}/${DATASET}/annex`, OWNER, OWNER)
    const file = `${OBJECTS}/precious`
    expect((await read(store, file)).toString()).toBe('precious')
    expect(await store.stat(file)).toMatchObject({ size: 8 })
    expect(await paths(store, OBJECTS)).toEqual([file])
    await failure(write(store, file, 'ours'), 'denied')
    await failure(store.remove(file), 'denied')
    await failure(read(store, file, { strictLinks: true }), 'denied')
    await failure(store.stat(file, { strictLinks: true }), 'denied')
    await failure(listStrictly(store), 'denied')
    expect(await readFile(`${outside}/precious`, 'utf8')).toBe('precious')
  })

  test('does not read a file that is a link of a stranger, replaces it, and removes it', async () => {
    const { store, outside } = use
    await use.link(`${outside}/precious`, `${DATASET}/link`, HOSTILE)
    await failure(read(store, `${DATASET}/link`), 'denied')
    await failure(store.stat(`${DATASET}/link`), 'denied')
    await failure(store.append(`${DATASET}/link`, Buffer.from('ours')), 'denied')
    await write(store, `${DATASET}/link`, 'ours')
    expect((await read(store, `${DATASET}/link`)).toString()).toBe('ours')
    await use.link(`${outside}/precious`, `${DATASET}/second`, HOSTILE)
    await store.remove(`${DATASET}/second`)
    expect(await readFile(`${outside}/precious`, 'utf8')).toBe('precious')
  })

  test("reads and appends to a file that is a link of root's, and does not list it", async () => {
    const { store, outside } = use
    await use.link(`${outside}/precious`, `${DATASET}/link`, 0)
    await store.append(`${DATASET}/link`, Buffer.from('!'))
    expect((await read(store, `${DATASET}/link`)).toString()).toBe('precious!')
    expect(await store.stat(`${DATASET}/link`)).toMatchObject({ size: 9 })
    expect(await paths(store, DATASET)).toEqual([`${DATASET}/file`])
  })

  test('follows an alias of whomever to a dataset of the store, and nowhere else', async () => {
    const { store, root, outside } = use
    await mkdir(`${root}/alias`)
    await lchown(`${root}/alias`, OWNER, OWNER)
    await use.link(`../${DATASET}`, 'alias/relative', HOSTILE)
    await use.link(`${root}/${DATASET}/`, 'alias/absolute', HOSTILE)
    for (const alias of ['relative', 'absolute']) {
      await write(store, `alias/${alias}/annex/${alias}`, 'content')
      expect((await read(store, `alias/${alias}/annex/${alias}`)).toString()).toBe('content')
      expect(await paths(store, `alias/${alias}/annex`)).toContain(`alias/${alias}/annex/${alias}`)
    }
    expect(await paths(store, `${DATASET}/annex`)).toHaveLength(2)
    for (const [name, target] of [
      ['out', '../../outside'],
      ['up', '../abc/..'],
      ['absolute-out', outside],
    ] as const) {
      await use.link(target, `alias/${name}`, HOSTILE)
      await failure(read(store, `alias/${name}/precious`), 'denied')
      await failure(write(store, `alias/${name}/precious`, 'ours'), 'denied')
    }
    // What the alias leads to is looked at as ever.
    await use.link(outside, `${DATASET}/linked`, HOSTILE)
    await failure(read(store, 'alias/relative/linked/precious'), 'denied')
    await failure(store.stat('alias/relative/linked/precious'), 'denied')
  })

  test('does not follow a directory of a dataset that a stranger linked out of the store', async () => {
    const { store, outside } = use
    await use.link(outside, 'abc/linked', HOSTILE)
    await failure(store.stat('abc/linked/ria-layout-version'), 'denied')
    await failure(write(store, 'abc/linked/precious', 'ours'), 'denied')
    expect(await readFile(`${outside}/precious`, 'utf8')).toBe('precious')
  })

  test('fails on links in a circle', async () => {
    await use.link('circle', `${DATASET}/circle`, 0)
    await failure(use.store.stat(`${DATASET}/circle/file`), 'denied')
    await failure(read(use.store, `${DATASET}/circle`), 'denied')
  })

  test('says what is no file, without waiting for it, and works on', async () => {
    const { store, root } = use
    const at = (name: string) => `${root}/${DATASET}/${name}`
    await runOk('mkfifo', [at('fifo')])
    await runOk('mknod', [at('device'), 'c', '1', '5'])
    await symlink('/dev/zero', at('zero'))
    await runOk('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', at('socket')])
    for (const [name, word] of [
      ['fifo', 'a FIFO'],
      ['device', 'a device'],
      ['zero', 'a device'],
      ['socket', 'a socket'],
    ] as const) {
      const file = `${DATASET}/${name}`
      const attempts = [() => store.stat(file), () => read(store, file), () => store.append(file, Buffer.from('x'))]
      for (const attempt of attempts) {
        expect((await failure(attempt(), 'unsupported')).message).toContain(`${file}: it is ${word}, no regular file`)
        expect((await read(store, `${DATASET}/file`)).toString()).toBe('content')
      }
      await failure(store.put(file, bufferSource('x'), { ifAbsent: true }), 'conflict')
    }
    expect(await paths(store, DATASET)).toEqual([`${DATASET}/file`])
    await (await open(at('fifo'), 'r+')).close() // a server's process that waits for it ends
    await write(store, `${DATASET}/fifo`, 'x')
    await store.remove(`${DATASET}/device`)
    await store.remove(`${DATASET}/zero`)
    expect(await paths(store, DATASET)).toEqual([`${DATASET}/fifo`, `${DATASET}/file`])
  })
}

async function listStrictly(store: Store): Promise<void> {
  for await (const _entry of store.list(OBJECTS, { strictLinks: true }));
}
