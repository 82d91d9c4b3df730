import { chmod, lchown, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { placesOf } from '../../src/ria/layout/places.ts'
import { type ArchiveProgram, installArchiveProgram, makeKeys, putKeys } from '../support/programs/archive-program.ts'
import { explain, run, runOk, type User } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { addDataset, makeRiaStore, type RiaDatasetFiles, type RiaStore } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/** The owner of the datasets, who does to root what he can. */
const OWNER: User = { uid: 61_021, gid: 61_021 }

let workspace: Workspace
let riastore: ArchiveProgram
let store: RiaStore
let sshName: string

beforeAll(async () => {
  if (!isRoot) return
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace, { inProcess: true })
  store = await makeRiaStore(workspace.path('store'))
  sshName = `ria+ssh://${(await startSshd(workspace)).alias}${store.root}`
  await chmod(workspace.directory, 0o755)
})
afterAll(() => workspace?.remove())

/** A dataset of OWNER's with keys of a mode. */
async function ownedDataset(count = 5, mode = 0o444) {
  const dataset = await addDataset(workspace, store)
  const keys = makeKeys(count)
  await putKeys(dataset, keys)
  await mkdir(join(dataset.path, 'archives'), { recursive: true })
  await runOk('chown', ['-R', `${OWNER.uid}:${OWNER.gid}`, dirname(dataset.path)])
  for (const key of keys.keys()) await chmod(loose(dataset, key), mode)
  return { dataset, keys }
}

function loose(dataset: RiaDatasetFiles, key: string): string {
  return join(dataset.path, 'annex/objects', placesOf(key, '2')[0] ?? '')
}

/** As the owner does it, with a link of his own in the place of something. */
async function replaceByLink(path: string, target: string): Promise<void> {
  await rename(path, `${path}.aside`).catch(() => {})
  await symlink(target, path)
  await lchown(path, OWNER.uid, OWNER.gid)
}

/** A directory of root's alone, outside of the store, and what is in it. */
async function secrets(): Promise<{ path: string; unchanged: () => Promise<void> }> {
  const path = workspace.path(`secrets-${Math.random()}`)
  await mkdir(path, { mode: 0o700 })
  for (const name of ['shadow', 'passwd', 'lock']) await writeFile(join(path, name), `root's ${name}`, { mode: 0o600 })
  const look = async () => (await runOk('find', [path, '-printf', '%P %m %u %s\n'])).stdout
  const before = await look()
  return { path, unchanged: async () => expect(await look()).toBe(before) }
}

const nameOf = (how: string) => (how === 'disk' ? store.root : sshName)

describe.skipIf(!isRoot).each(['disk', 'ssh'])('when root works on %s over a dataset of a hostile owner', (how) => {
  test('a directory of tombstones that is a link loses root no file', async () => {
    const { dataset } = await ownedDataset()
    const { path, unchanged } = await secrets()
    await riastore.ok(['archive', nameOf(how), dataset.id])
    await replaceByLink(join(dataset.path, 'archives/dropped'), path)
    for (const command of [['archive'], ['unarchive', '--yes']]) {
      const result = await riastore.run([...command, nameOf(how), dataset.id])
      expect(result.status, explain(result)).not.toBe(0)
      expect(result.stderr).toContain('archives/dropped: it is a symbolic link of user 61021, which is not followed')
      await unchanged()
    }
  })

  test('a key that is a link to a file of root alone comes into no archive', async () => {
    const { dataset, keys } = await ownedDataset(6)
    const { path, unchanged } = await secrets()
    const secret = `WORM-s${Buffer.byteLength("root's shadow")}-m1--secret`
    await mkdir(dirname(loose(dataset, secret)), { recursive: true })
    await replaceByLink(loose(dataset, secret), join(path, 'shadow'))
    await runOk('chown', ['-hR', `${OWNER.uid}:${OWNER.gid}`, join(dataset.path, 'annex')])
    const [report] = await riastore.json(['archive', nameOf(how), dataset.id])
    expect(report).toMatchObject({ packed: { keys: keys.size } })
    const archive = join(dataset.path, 'archives/archive.7z')
    expect((await readFile(archive)).includes("root's shadow")).toBe(false)
    expect((await runOk('7z', ['l', '-slt', archive])).stdout).not.toContain('secret')
    await unchanged()
  })

  test.each(['annex/objects', 'annex', 'archives'])('%s that is a link is not worked in', async (part) => {
    const { dataset } = await ownedDataset()
    const { path, unchanged } = await secrets()
    await mkdir(join(path, 'objects'))
    await riastore.ok(['archive', nameOf(how), dataset.id])
    await putKeys(dataset, makeKeys(3))
    await runOk('rm', ['-rf', join(path, 'objects')])
    await replaceByLink(join(dataset.path, part), path)
    for (const command of [['archive'], ['unarchive', '--yes']]) {
      const result = await riastore.run([...command, nameOf(how), dataset.id])
      expect(result.status, explain(result)).not.toBe(0)
      expect(result.stderr).toContain(`/${part}: it is a symbolic link of user 61021, which is not followed`)
      await unchanged()
    }
  })

  test("a key's directory that is a link gets no key that is unpacked", async () => {
    const { dataset, keys } = await ownedDataset(1)
    const { path, unchanged } = await secrets()
    await riastore.ok(['archive', nameOf(how), dataset.id])
    const [key = ''] = keys.keys()
    await mkdir(dirname(dirname(loose(dataset, key))), { recursive: true })
    await replaceByLink(dirname(loose(dataset, key)), path)
    const result = await riastore.run(['unarchive', '--yes', nameOf(how), dataset.id])
    expect(result.status, explain(result)).not.toBe(0)
    expect(result.stderr).toContain('is a symbolic link of user 61021')
    await unchanged()
    expect((await stat(join(dataset.path, 'archives/archive.7z'))).size).toBeGreaterThan(0)
  })

  test('a lock that is a FIFO or a link stops nobody else, and is named, whether it is to be broken or not', async () => {
    const [first, second, third] = [await ownedDataset(), await ownedDataset(), await ownedDataset()]
    const { path, unchanged } = await secrets()
    const fifo = join(first.dataset.path, 'archives/lock')
    await runOk('mkfifo', [fifo])
    await replaceByLink(join(second.dataset.path, 'archives/lock'), join(path, 'lock'))
    const ids = [first, second, third].map(({ dataset }) => dataset.id)
    for (const words of [[], ['--break-lock']]) {
      const result = await riastore.run(['archive', ...words, nameOf(how), ...ids])
      expect(result.status, explain(result)).toBe(1)
      expect(result.stderr).toContain('archives/lock: it is a FIFO, no regular file')
      expect(result.stderr).toContain('archives/lock: it is a symbolic link of user 61021')
      expect(await run('test', ['-p', fifo])).toMatchObject({ status: 0 })
    }
    expect(await run('test', ['-f', join(third.dataset.path, 'archives/archive.7z')])).toMatchObject({ status: 0 })
    await unchanged()
    await runOk('timeout', ['20', 'sh', '-c', `: <>${fifo}`]) // a server's process that waits for it ends
  })

  test.each([
    ['400', '600'],
    ['440', '640'],
    ['444', '644'],
  ])("of keys of mode %s comes an archive of mode %s, the owner's, and the same keys again", async (mode, expected) => {
    const { dataset, keys } = await ownedDataset(3, Number.parseInt(mode, 8))
    const look = async (path: string) => {
      const { uid, gid, mode: found } = await stat(path)
      return [uid, gid, (found & 0o777).toString(8)]
    }
    await riastore.ok(['archive', nameOf(how), dataset.id])
    expect(await look(join(dataset.path, 'archives/archive.7z'))).toEqual([OWNER.uid, OWNER.gid, expected])
    await riastore.ok(['unarchive', '--yes', nameOf(how), dataset.id])
    const [key = ''] = keys.keys()
    if (how === 'disk') expect(await look(loose(dataset, key))).toEqual([OWNER.uid, OWNER.gid, mode])
    else expect((await look(loose(dataset, key)))[2]).toBe(mode)
  })

  test('a key that fewer may read than the archive stays loose, and is counted', async () => {
    const { dataset, keys } = await ownedDataset(4)
    const [first = ''] = keys.keys()
    await chmod(loose(dataset, first), 0o400)
    const [report] = await riastore.json(['archive', nameOf(how), dataset.id])
    expect(report).toMatchObject({ packed: { keys: 3 }, left: { readers: 1 } })
    expect((await stat(loose(dataset, first))).mode & 0o777).toBe(0o400)
  })
})
