import { rename } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { useTestS3, withAccount } from '../support/servers/s3.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test('DataLad clones from a copy and gets, and a clone of what was removed is told so, and not that keys are absent', async () => {
  const [store, copy] = [workspace.path('store'), workspace.path('copy')]
  const repo = await makeDataset(workspace, 'dataset')
  await repo.add({ 'a.dat': 'one', 'sub/b.dat': 'two' })
  await riastore.ok(['create-sibling', '-s', 'store', '--new-store-ok', '--alias', 'study', `ria+file://${store}`], {
    cwd: repo.path,
  })
  await repo.datalad('push', '--to', 'store')
  const id = await datasetId(repo)
  await riastore.ok(['archive', '--yes', store, id])
  await riastore.ok(['copy', store, copy])
  const clone = await dataladClone(workspace, `ria+file://${copy}#~study`, 'clone')
  // The copy's storage sibling is the one of the original, at another place.
  await clone.git('config', 'remote.store-storage.annex-ignore', 'false')
  await clone.git('config', 'remote.store-storage.ora-url', `ria+file://${copy}`)
  await riastore.ok(['rm', '--yes', store, id])
  await clone.datalad('get', '.')
  expect((await clone.read('sub/b.dat')).toString()).toBe('two')
  const fsck = await repo.try('git', 'annex', 'fsck', '--fast', '--from', 'store-storage', 'a.dat')
  expect(fsck.stdout + fsck.stderr).toMatch(
    /the dataset is not in the RIA store: it was removed from it on \d{4}-\d\d-\d\d; riastore restore brings it back/,
  )
  expect((await repo.annex('whereis', 'a.dat')).stdout).toContain('store-storage')
  await riastore.ok(['restore', store, id])
  await repo.annex('fsck', '--from', 'store-storage', 'a.dat')
  // The proof names the clone, which says what it has, and that the store has nothing.
  const proof = await riastore.json(['rm', '--now', '--yes', store, id])
  expect(proof).toMatchObject([{ left: 0, remotes: expect.arrayContaining([`${await repo.uuid()} dataset`]) }])
  expect((await repo.annex('find', '--in=here')).stdout).toContain('a.dat')
  const asked = await repo.checkPresent('a.dat', 'store-storage')
  expect([asked.presence, asked.result.stderr]).toEqual([
    'unknown',
    expect.stringMatching(
      /the dataset is not in the RIA store: it was removed from it on \d{4}-\d\d-\d\d(?!.*restore)/,
    ),
  ])
})

test('after a move a clone does what it is told and has all keys again, and a new clone by DataLad has them at once', async () => {
  const [store, place] = [workspace.path('old-place'), workspace.path('new-place')]
  const repo = await makeDataset(workspace, 'moved')
  await repo.add({ 'a.dat': 'one', 'sub/b.dat': 'two' })
  await riastore.ok(['create-sibling', '-s', 'store', '--new-store-ok', '--alias', 'moved', `ria+file://${store}`], {
    cwd: repo.path,
  })
  await repo.datalad('push', '--to', 'store')
  const told = await riastore.ok(['move', '--yes', '--json', store, place, await datasetId(repo)])
  const [moved] = told.split('\n').flatMap((line) => (line.includes('"clones"') ? [JSON.parse(line)] : []))
  expect(moved).toMatchObject({ recorded: true, problems: [] })
  for (const command of moved.clones as string[]) {
    const [program = '', ...words] = command.replace('SIBLING', 'store').split(' ')
    await repo.try(program, ...words)
  }
  await repo.annex('drop', 'a.dat')
  await repo.annex('get', '--from', 'store-storage', 'a.dat')
  expect((await repo.read('a.dat')).toString()).toBe('one')
  await repo.git('fetch', '-q', 'store')
  const clone = await dataladClone(workspace, `ria+file://${place}#~moved`, 'moved-clone')
  await clone.datalad('get', '.')
  expect((await clone.read('sub/b.dat')).toString()).toBe('two')
})

test.each(['a disk', 'S3'])(
  'git-annex counts a copy on %s that was registered, and gets from it when the original is gone',
  async (place) => {
    const [name, store] = place === 'S3' ? ['s3', workspace.path('to-s3')] : ['disk', workspace.path('to-disk')]
    const s3 = place === 'S3' ? await useTestS3() : undefined
    const env = s3 === undefined ? workspace.env : withAccount(workspace.env, s3.account)
    const copy = s3 === undefined ? `ria+file://${workspace.path('mirror')}` : `ria+s3+${s3.endpoint}/${s3.bucket}/m`
    const repo = (await makeDataset(workspace, `registered-${name}`)).with({ env })
    await repo.add({ 'a.dat': 'one', 'sub/b.dat': 'two' })
    await riastore.ok(['create-sibling', '-s', 'store', '--new-store-ok', `ria+file://${store}`], { cwd: repo.path })
    await repo.datalad('push', '--to', 'store')
    const id = await datasetId(repo)
    const register = ['copy', '--register', store, copy]
    const [made] = await riastore.json(register, { env })
    expect(made).toMatchObject({ problems: [], registered: { name: 'copy-storage', isNew: true, keys: 2 } })
    const { uuid } = Object(made?.registered) as { uuid: string }
    expect(await riastore.json(register, { env })).toMatchObject([
      { refs: 0, registered: { isNew: false, keys: 0, uuid } },
    ])
    await repo.git('fetch', '-q', 'store')
    if (s3 !== undefined) await repo.git('config', 'remote.copy-storage.riastore-s3-endpoint', s3.endpoint)
    await repo.enableRemote('copy-storage')
    expect(await repo.uuid('copy-storage')).toBe(uuid)
    expect((await repo.annex('whereis', 'a.dat')).stdout).toMatch(/\(3 copies\)[\s\S]*copy-storage/)
    await repo.annex('fsck', '--fast', '--from', 'copy-storage')
    await repo.annex('drop', '--numcopies', '2')
    await rename(store, `${store}-gone`)
    await repo.annex('get', '.')
    expect((await repo.read('sub/b.dat')).toString()).toBe('two')
    if (s3 === undefined) {
      // Its storage sibling is the copy, and not the original under another address.
      const clone = await dataladClone(workspace, `${copy}#${id}`, 'of-the-mirror')
      expect(await clone.uuid('copy-storage')).toBe(uuid)
      await clone.datalad('get', 'a.dat')
    }
  },
)

test('a registered copy of a sibling that encrypts and cuts keys takes nothing from whereis, and git-annex gets from it', async () => {
  const [store, place] = [workspace.path('sealed'), workspace.path('sealed-copy')]
  const repo = await makeDataset(workspace, 'sealed-dataset')
  await repo.add({ 'a.dat': 'more than one chunk holds', 'sub/b.dat': 'two' })
  await riastore.ok(['create-sibling', '-s', 'store', '--new-store-ok', `ria+file://${store}`], { cwd: repo.path })
  const id = await datasetId(repo)
  const settings = ['type=external', 'externaltype=ora', 'encryption=shared', 'chunk=8', `archive-id=${id}`]
  await repo.annex('initremote', 'sealed', ...settings, `url=ria+file://${store}`)
  // The storage sibling is this one, as where a site encrypts.
  const bare = `${store}/${id.slice(0, 3)}/${id.slice(3)}`
  await repo.git('-C', bare, 'config', 'datalad.ora-remote.uuid', await repo.uuid('sealed'))
  await repo.annex('copy', '--to', 'sealed', '.')
  await repo.git('push', '-q', 'store', 'HEAD', 'git-annex')
  const [made] = await riastore.json(['copy', '--register', store, `ria+file://${place}`])
  expect(made).toMatchObject({ problems: [], registered: { name: 'copy-storage', isNew: true, keys: 0 } })
  await repo.git('fetch', '-q', 'store')
  await repo.enableRemote('copy-storage')
  const whereis = async () => (await repo.annex('whereis', 'a.dat')).stdout
  // Under names that nobody can tell it has them: git-annex itself finds out, with the cipher.
  expect(await whereis()).toMatch(/\(2 copies\)[\s\S]*sealed/)
  await repo.annex('fsck', '--fast', '--from', 'copy-storage')
  expect(await whereis()).toMatch(/\(3 copies\)[\s\S]*copy-storage/)
  await rename(store, `${store}-gone`)
  await repo.annex('drop', '--numcopies', '1', '.')
  await repo.annex('get', '--from', 'copy-storage', '.')
  expect((await repo.read('a.dat')).toString()).toBe('more than one chunk holds')
  expect((await repo.read('sub/b.dat')).toString()).toBe('two')
})
