import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOk, type User } from '../support/programs/run.ts'
import { asUser, isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, cloneAnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import {
  addDataset,
  addRemote,
  listTree,
  makeRiaStore,
  type RiaDatasetFiles,
  type RiaStore,
} from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const GROUP = 60000
const alice: User = { uid: 61001, gid: 61001, groups: [GROUP] }
const bob: User = { uid: 61002, gid: 61002, groups: [GROUP] }
const outsider: User = { uid: 61003, gid: 61003 }

let workspace: Workspace
let store: RiaStore
let alices: AnnexRepo
let bobs: AnnexRepo
let outsiders: AnnexRepo

beforeAll(async () => {
  if (!isRoot) return
  workspace = await makeWorkspace()
  store = await makeRiaStore(workspace.path('store'))
  alices = await makeAnnexRepo(workspace, 'alice', await asUser(workspace, alice))
  await alices.add({ 'one.txt': 'one\n', 'two.txt': 'two\n', 'three.txt': 'three\n' })
  bobs = await cloneAnnexRepo(alices, 'bob', await asUser(workspace, bob))
  outsiders = await cloneAnnexRepo(alices, 'outsider', await asUser(workspace, outsider))
})
afterAll(() => workspace?.remove())

/**
 * Makes a dataset that belongs to Alice and to the group of Alice and Bob, as `git init --shared`
 * leaves it.
 */
async function sharedDataset(shared: string | undefined): Promise<RiaDatasetFiles> {
  const dataset = await addDataset(workspace, store, shared === undefined ? {} : { shared })
  await runOk('chown', ['-R', `${alice.uid}:${GROUP}`, dirname(dataset.path)])
  const bits = shared === undefined || shared === '0640' ? 'g+s' : 'g+ws'
  await runOk('find', [dirname(dataset.path), '-type', 'd', '-exec', 'chmod', bits, '{}', '+'])
  return dataset
}

/** The directories and files of the keys in a dataset that lie below the directory of all keys. */
async function objects(dataset: RiaDatasetFiles) {
  const tree = await listTree(join(dataset.path, 'annex/objects'))
  return {
    directories: tree.filter((entry) => entry.kind === 'directory'),
    files: tree.filter((entry) => entry.kind === 'file'),
  }
}

const octal = (mode: number) => mode.toString(8).padStart(4, '0')

let counter = 0
const freshName = () => `store${++counter}`

describe.skipIf(!isRoot)('a store on disk', () => {
  // By git-config(1), core.sharedRepository, with the umask 022 and for files that are read-only,
  // as keys are.
  const modes = [
    ['group', '2775', '0444'],
    ['0640', '2750', '0440'],
    ['true', '2775', '0444'],
    ['all', '2775', '0444'],
    ['0660', '2770', '0440'],
    ['0666', '2777', '0444'],
  ] as const
  // What each becomes: test/programs/store/sharing.test.ts.
  test.each(variants(modes.slice(0, 2), modes))(
    'with core.sharedRepository=%s gets directories of mode %s and keys of mode %s, all of its group',
    async (shared, directoryMode, fileMode) => {
      const dataset = await sharedDataset(shared)
      const remote = await addRemote(alices, `ria+file://${store.root}`, dataset.id, freshName())
      await alices.annex('copy', '--to', remote, '.')
      const { directories, files } = await objects(dataset)
      expect(files).toHaveLength(3)
      expect(directories.length).toBeGreaterThanOrEqual(5)
      for (const entry of directories)
        expect(`${octal(entry.mode)} ${entry.path}`).toBe(`${directoryMode} ${entry.path}`)
      for (const entry of files) expect(`${octal(entry.mode)} ${entry.path}`).toBe(`${fileMode} ${entry.path}`)
      for (const entry of [...directories, ...files])
        expect(`${entry.gid} ${entry.path}`).toBe(`${GROUP} ${entry.path}`)
    },
  )

  test('without core.sharedRepository leaves everything to the umask', async () => {
    const dataset = await sharedDataset(undefined)
    const remote = await addRemote(alices, `ria+file://${store.root}`, dataset.id, freshName())
    await alices.annex('copy', '--to', remote, '.')
    const { directories, files } = await objects(dataset)
    for (const entry of directories) expect(entry.mode & 0o777, entry.path).toBe(0o755)
    for (const entry of files) expect(entry.mode & 0o222, entry.path).toBe(0)
  })

  test.each(variants(['0660'], ['group', 'all', '0660']))(
    'with core.sharedRepository=%s lets a second user read, drop, store again and overwrite',
    async (shared) => {
      const dataset = await sharedDataset(shared)
      const remote = await addRemote(alices, `ria+file://${store.root}`, dataset.id, freshName())
      await alices.annex('copy', '--to', remote, '.')
      await bobs.git('pull', '-q', 'origin')
      await bobs.git('fetch', '-q', 'origin')
      await bobs.enableRemote(remote)
      await bobs.annex('get', '--from', remote, '.')
      await bobs.annex('drop', '--force', '--from', remote, 'one.txt', 'two.txt')
      expect((await alices.checkPresent('one.txt', remote)).presence).toBe('absent')
      await bobs.annex('copy', '--to', remote, 'one.txt', 'two.txt')
      expect((await alices.checkPresent('one.txt', remote)).presence).toBe('present')
      const { directories, files } = await objects(dataset)
      for (const entry of [...directories, ...files])
        expect(`${entry.gid} ${entry.path}`).toBe(`${GROUP} ${entry.path}`)
      // Alice takes away what is Bob's now, and the directories with it.
      await alices.annex('drop', '--force', '--from', remote, '.')
      expect(await objects(dataset)).toMatchObject({ files: [] })
      await expectNoStrays(dataset)
      // Bob removes the content behind her back and leaves the directory: it can be filled again.
      await bobs.annex('copy', '--to', remote, 'three.txt')
      const place = await dataset.keyFile(alices, await alices.key('three.txt'))
      await rm(place)
      await alices.annex('copy', '--to', remote, 'three.txt')
      expect((await bobs.checkPresent('three.txt', remote)).presence).toBe('present')
      await alices.annex('drop', '--force', '--from', remote, 'three.txt')
      for (const repo of [alices, bobs]) await repo.git('config', `remote.${remote}.annex-ignore`, 'true')
    },
  )

  test('tells a user who may not read there that it is unknown what is there', async () => {
    const dataset = await sharedDataset('all')
    const remote = await addRemote(alices, `ria+file://${store.root}`, dataset.id, freshName())
    await alices.annex('copy', '--to', remote, 'one.txt')
    await outsiders.git('pull', '-q', 'origin')
    await outsiders.enableRemote(remote)
    expect((await outsiders.checkPresent('one.txt', remote)).presence).toBe('present')
    await chmod(dataset.path, 0o2770)
    const { presence, result } = await outsiders.checkPresent('one.txt', remote)
    expect(presence).toBe('unknown')
    expect(result.stderr).toContain(dataset.path)
    expect(result.stderr).toMatch(/permission/i)
  })

  test('keeps the read-only directories that git-annex left as they are, and works in them', async () => {
    const dataset = await sharedDataset(undefined)
    const remote = await addRemote(alices, `ria+file://${store.root}`, dataset.id, freshName())
    await alices.annex('copy', '--to', remote, 'one.txt', 'two.txt')
    const one = await dataset.keyFile(alices, await alices.key('one.txt'))
    const two = await dataset.keyFile(alices, await alices.key('two.txt'))
    // As git-annex leaves a key's directory; and a hash directory that holds something else.
    await writeFile(join(dirname(dirname(one)), 'other'), '')
    for (const directory of [dirname(one), dirname(dirname(one)), dirname(two)]) await chmod(directory, 0o555)
    const mode = async (path: string) => octal((await stat(path)).mode & 0o777)

    await alices.annex('drop', '--force', '--from', remote, 'one.txt')
    expect((await alices.checkPresent('one.txt', remote)).presence).toBe('absent')
    expect(await mode(dirname(dirname(one)))).toBe('0555')

    // The content of the other one got lost; its directory is still there, and read-only.
    await chmod(dirname(two), 0o755)
    await rm(two)
    await chmod(dirname(two), 0o555)
    await alices.annex('copy', '--to', remote, 'two.txt')
    expect((await alices.checkPresent('two.txt', remote)).presence).toBe('present')
    expect(await mode(dirname(two))).toBe('0555')
    await expectNoStrays(dataset)
  })
})

describe.skipIf(!isRoot)('a store behind ssh', () => {
  let sshd: Sshd
  let unprivileged: Sshd
  let client: AnnexRepo
  const account = 'nobody'

  beforeAll(async () => {
    // ssh refuses to run for a user who has no account on this machine.
    client = await makeAnnexRepo(workspace, 'client')
    await client.add({ 'one.txt': 'one\n', 'two.txt': 'two\n' })
    sshd = await startSshd(workspace)
    unprivileged = await startSshd(workspace, { user: account })
  })

  test.each([
    ['group', '2775', '0444'],
    ['0660', '2770', '0440'],
  ])(
    'with core.sharedRepository=%s gets directories of mode %s and keys of mode %s, all of its group',
    async (shared, directoryMode, fileMode) => {
      const dataset = await sharedDataset(shared)
      // The account owns the store, and the store has another group than the account.
      await runOk('chown', ['-R', `${account}:${GROUP}`, dirname(dataset.path)])
      await runOk('find', [dirname(dataset.path), '-type', 'd', '-exec', 'chmod', 'g+ws', '{}', '+'])
      for (const [channel, file] of [
        ['ssh2', 'one.txt'],
        ['openssh', 'two.txt'],
      ] as const) {
        const remote = await addRemote(client, `ria+ssh://${sshd.alias}${store.root}`, dataset.id, freshName())
        await client.setConfig(`remote.${remote}.riastore-ssh`, channel)
        await client.annex('copy', '--to', remote, file)
      }
      const { directories, files } = await objects(dataset)
      expect(files).toHaveLength(2)
      for (const entry of directories)
        expect(`${octal(entry.mode)} ${entry.path}`).toBe(`${directoryMode} ${entry.path}`)
      for (const entry of files) expect(`${octal(entry.mode)} ${entry.path}`).toBe(`${fileMode} ${entry.path}`)
      for (const entry of [...directories, ...files])
        expect(`${entry.gid} ${entry.path}`).toBe(`${GROUP} ${entry.path}`)
    },
  )

  test('keeps the read-only directories that git-annex left as they are, and works in them', async () => {
    const dataset = await sharedDataset(undefined)
    await runOk('chown', ['-R', account, dirname(dataset.path)])
    const remote = await addRemote(client, `ria+ssh://${unprivileged.alias}${store.root}`, dataset.id, freshName())
    await client.annex('copy', '--to', remote, 'one.txt', 'two.txt')
    const one = await dataset.keyFile(client, await client.key('one.txt'))
    const hashDirectory = dirname(dirname(one))
    await mkdir(join(hashDirectory, 'other'))
    await runOk('chown', ['-R', account, hashDirectory])
    for (const directory of [dirname(one), hashDirectory]) await chmod(directory, 0o555)
    await client.annex('drop', '--force', '--from', remote, 'one.txt')
    expect((await client.checkPresent('one.txt', remote)).presence).toBe('absent')
    expect(octal((await stat(hashDirectory)).mode & 0o777)).toBe('0555')

    // The content of the other one got lost; its directory is still there, and read-only.
    const two = await dataset.keyFile(client, await client.key('two.txt'))
    await rm(two)
    await chmod(dirname(two), 0o555)
    await client.annex('copy', '--to', remote, 'two.txt')
    expect((await client.checkPresent('two.txt', remote)).presence).toBe('present')
    expect(octal((await stat(dirname(two))).mode & 0o777)).toBe('0555')
    await expectNoStrays(dataset)
  })
})
