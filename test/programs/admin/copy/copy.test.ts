import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, readlink, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAtomicPuts } from '../../../../src/ria/layout/atomic-puts.ts'
import { placesOf } from '../../../../src/ria/layout/places.ts'
import { makeStore } from '../../../../src/ria/make-store.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import { putKeys } from '../../../support/programs/archive-program.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { runOk } from '../../../support/programs/run.ts'
import { listTree, openRiaStore, type RiaDatasetFiles } from '../../../support/repos/ria-store.ts'
import {
  commit,
  commitTo,
  contentOf,
  historyOf,
  makeSampleStore,
  type SampleStore,
  writeAt,
} from '../../../support/repos/sample-store.ts'
import { useTestS3 } from '../../../support/servers/s3.ts'
import { startSshd } from '../../../support/servers/sshd.ts'
import { keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let sample: SampleStore
const before = { ...process.env }

beforeAll(async () => {
  workspace = await makeWorkspace()
  Object.assign(process.env, workspace.env)
  sample = await makeSampleStore(workspace, 'first')
})
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await workspace?.remove()
})

const at = (name: string) => workspace.path(name)

async function ok(...words: string[]): Promise<Record<string, unknown>[]> {
  const ran = await riastore([...words, '--json'])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  return objectsOf(ran, 'dataset')
}

async function expectSame(root: string, datasets: readonly RiaDatasetFiles[]): Promise<void> {
  for (const dataset of datasets) {
    const copy = openRiaStore(root).dataset(dataset.id)
    expect(await contentOf(copy)).toEqual(await contentOf(dataset))
    expect(await historyOf(workspace, copy)).toBe(await historyOf(workspace, dataset))
  }
}

test('a store goes from a disk to S3, from there behind ssh, and back to a disk, and is the same in the end', async () => {
  const { store, top, sub } = sample
  await ok('archive', store.root, sub.id, '--yes')
  const s3 = await useTestS3()
  const sshd = await startSshd(workspace)
  process.env.AWS_ACCESS_KEY_ID = s3.account.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = s3.account.secretAccessKey
  // So that nobody need try again what Ceph does: that takes three hundred requests.
  const place = { endpoint: s3.endpoint, bucket: s3.bucket, prefix: 'store', credentials: s3.account }
  const known = openS3Store(place)
  await makeStore(known, false, {})
  await recordAtomicPuts(known, {})
  await known.close()
  const bucket = `ria+s3+${s3.endpoint}/${s3.bucket}/store`
  const behindSsh = `ria+ssh://${sshd.alias}${at('second')}`
  const copied = await ok('copy', store.root, bucket)
  expect(copied).toHaveLength(2)
  expect(copied.find(({ dataset }) => dataset === top.id)).toMatchObject({
    made: true,
    keys: sample.keys.size,
    kept: 0,
    newAliases: ['study'],
    problems: [],
  })
  expect(copied.find(({ dataset }) => dataset === sub.id)).toMatchObject({ keys: 0, archiveBytes: expect.any(Number) })
  await ok('copy', bucket, behindSsh)
  await ok('copy', behindSsh, at('third'))
  await expectSame(at('second'), [top, sub])
  await expectSame(at('third'), [top, sub])
  expect(await readlink(join(at('third'), 'alias/study'))).toBe(`../${top.id.slice(0, 3)}/${top.id.slice(3)}`)
  // Nothing is new, and then one key and one commit.
  for (const report of await ok('copy', store.root, bucket)) {
    expect(report).toMatchObject({ made: false, keys: 0, archiveBytes: 0, refs: 0, newAliases: [], problems: [] })
  }
  await commit(workspace, top, { 'NEW.md': 'new\n' })
  for (const [from, to] of [
    [store.root, bucket],
    [bucket, behindSsh],
    [behindSsh, at('third')],
  ] as const) {
    expect(await ok('copy', from, to, '~study')).toMatchObject([{ keys: 0, refs: 2 }])
  }
  await expectSame(at('third'), [top, sub])
})

test('a dry run says what would be copied, and makes nothing', async () => {
  const { store, top } = sample
  const [report] = await ok('copy', '-n', store.root, at('nowhere'), top.id)
  expect(report).toMatchObject({ dryRun: true, made: true, keys: sample.keys.size, refs: 3, newAliases: ['study'] })
  expect(existsSync(at('nowhere'))).toBe(false)
})

test('a key that is damaged is named and not copied, and all others are', async () => {
  const damaged = await makeSampleStore(workspace, 'damaged', 5)
  const [key = ''] = [...damaged.keys.keys()].slice(-5)
  const place = `annex/objects/${placesOf(key, '2')[0]}`
  const file = join(damaged.top.path, place)
  await chmod(file, 0o644)
  await writeFile(file, Buffer.alloc((await readFile(file)).length, 'x'))
  const { code, stderr } = await riastore(['copy', damaged.store.root, at('from-damaged')])
  expect(code).toBe(3)
  expect(stderr).toContain(`${key} was not copied: `)
  expect(stderr).toContain("its content does not have the key's checksum")
  const expected = await contentOf(damaged.top)
  delete expected[place]
  expect(await contentOf(openRiaStore(at('from-damaged')).dataset(damaged.top.id))).toEqual(expected)
})

test('what a killed run had not read back is looked at by the next one, and only that', async () => {
  const { store, top } = sample
  const root = at('unproven')
  await ok('copy', store.root, root, top.id)
  const copy = openRiaStore(root).dataset(top.id)
  const [old = '', fresh = ''] = Object.keys(await contentOf(copy)).filter((path) => /MD5E-s[1-9]\d\d/.test(path))
  for (const path of [old, fresh]) {
    await chmod(join(copy.path, path), 0o644)
    await writeFile(join(copy.path, path), Buffer.alloc((await readFile(join(copy.path, path))).length, 'x'))
  }
  const hour = new Date(Date.now() - 3_600_000)
  for (const { path, kind } of await listTree(join(copy.path, 'annex/objects'))) {
    const isFresh = fresh.endsWith(path)
    if (kind === 'file' && !isFresh) await utimes(join(copy.path, 'annex/objects', path), hour, hour)
  }
  await writeAt(join(copy.path, 'riastore/copying/0123456789abcdef'), '')
  await utimes(join(copy.path, 'riastore/copying/0123456789abcdef'), new Date(), new Date(Date.now() - 60_000))
  expect(await ok('copy', store.root, root, top.id)).toMatchObject([{ keys: 1 }])
  const [now, expected] = [await contentOf(copy), await contentOf(top)]
  expect(now[fresh]).toBe(expected[fresh])
  expect(now[old]).not.toBe(expected[old])
  expect(await readdir(join(copy.path, 'riastore')).catch(() => [])).not.toContain('copying')
})

test('a ref of the copy that has gone another way stays, until --force', async () => {
  const { store, top } = sample
  const root = at('diverged')
  await ok('copy', store.root, root, top.id)
  const copy = openRiaStore(root).dataset(top.id)
  const own = await commit(workspace, copy, { 'OWN.md': 'of the copy\n' })
  await commit(workspace, top, { 'NEWER.md': 'of the original\n' })
  const refused = await riastore(['copy', store.root, root, top.id])
  expect(refused.code).toBe(3)
  expect(refused.stderr).toContain('refs/heads/main of the copy has what the original has not')
  expect(await historyOf(workspace, copy)).toContain(`${own} commit\trefs/heads/main`)
  await ok('copy', '--force', store.root, root, top.id)
  expect(await historyOf(workspace, copy)).toBe(await historyOf(workspace, top))
})

test('an archive takes the place of the copy’s only where no key is lost by it', async () => {
  const archived = await makeSampleStore(workspace, 'archived', 5)
  const root = at('archived-copy')
  await ok('copy', archived.store.root, root)
  const copy = openRiaStore(root).dataset(archived.top.id)
  const own = Buffer.from('only the copy has this')
  await putKeys(copy, new Map([[keyOf(own), own]]))
  await ok('archive', '--yes', root, archived.top.id)
  await ok('archive', '--yes', archived.store.root, archived.top.id)
  const before = await contentOf(copy)
  const { code, stderr } = await riastore(['copy', archived.store.root, root, archived.top.id])
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('its archive has 1 of its keys that the original has not'),
  ])
  expect(await contentOf(copy)).toEqual(before)
  await ok('unarchive', '--yes', root, archived.top.id)
  await ok('copy', archived.store.root, root, archived.top.id)
  const after = await contentOf(copy)
  expect(after).toMatchObject(await contentOf(archived.top))
  expect(Object.keys(after).some((path) => path.endsWith(keyOf(own)))).toBe(true)
})

test('nothing of the original’s configuration has git start a program at the copy', async () => {
  const { store, sub } = await makeSampleStore(workspace, 'hostile', 3)
  const config = await readFile(join(sub.path, 'config'), 'utf8')
  const hostile =
    '[core]\n\thooksPath = /tmp/evil\n\tfsmonitor = evil\n[include]\n\tpath = /etc/evil\n[gc]\n\trecentObjectsHook = evil\n'
  await writeFile(join(sub.path, 'config'), `${config}${hostile}[datalad "ora-remote.x"]\n\tuuid = 1234\n`)
  await writeFile(join(sub.path, 'commondir'), '.\n')
  const { code, stderr } = await riastore(['copy', store.root, at('hostile-copy'), sub.id])
  expect(code).toBe(3)
  for (const key of ['core.hookspath', 'core.fsmonitor', 'include.path', 'gc.recentobjectshook']) {
    expect(stderr).toContain(`its configuration was copied without ${key}`)
  }
  const copy = openRiaStore(at('hostile-copy')).dataset(sub.id)
  const copied = await readFile(join(copy.path, 'config'), 'utf8')
  expect(copied).not.toMatch(/evil/)
  expect(copied).toContain('1234')
  expect(copied).toMatch(/sharedRepository = "?(1|group|0660)"?/i)
  expect(existsSync(join(copy.path, 'commondir'))).toBe(false)
  expect(await historyOf(workspace, copy)).toBe(await historyOf(workspace, sub))
})

test('with --delete what the original has no more goes into the trash of the copy, and comes back from there', async () => {
  const { store, top, sub } = await makeSampleStore(workspace, 'mirrored', 4)
  await ok('copy', store.root, at('mirror'))
  const copy = openRiaStore(at('mirror')).dataset(top.id)
  const before = await contentOf(copy)
  const names = await listTree(join(top.path, 'annex/objects'))
  const [first, second] = names.filter(({ kind }) => kind === 'file').map(({ path }) => path)
  await rm(join(top.path, 'annex/objects', dirname(first ?? '')), { recursive: true })
  // What is only away for a moment, or archived, is not gone.
  await ok('archive', '--yes', store.root, sub.id)
  expect(await ok('copy', store.root, at('mirror'))).toMatchObject([{ gone: { keys: 0 } }, { gone: { keys: 0 } }])
  const dry = await ok('copy', '-n', '--delete', store.root, at('mirror'))
  expect(dry.map(({ gone }) => gone)).toEqual(expect.arrayContaining([expect.objectContaining({ keys: 1 })]))
  expect(await contentOf(copy)).toEqual(before)
  await ok('copy', '--delete', store.root, at('mirror'))
  expect(existsSync(join(copy.path, 'annex/objects', first ?? ''))).toBe(false)
  expect(existsSync(join(copy.path, 'annex/objects', second ?? ''))).toBe(true)
  expect((await riastore(['gc', '--all', at('mirror')])).code).toBe(0)
  expect(await ok('restore', at('mirror'))).toMatchObject([{ dataset: top.id, keys: 1 }])
  await ok('restore', at('mirror'), top.id)
  expect(await contentOf(copy)).toEqual(before)
  expect(await ok('restore', at('mirror'))).toEqual([])
})

test('with --delete a dataset goes into the trash when its original is proven to be gone, and never for a store that is not there', async () => {
  const { store, top, sub } = await makeSampleStore(workspace, 'lessened', 3)
  await ok('copy', store.root, at('less'))
  await ok('rm', '--yes', '--force', store.root, sub.id)
  const [removed] = (await ok('copy', '--delete', store.root, at('less'))).filter(({ removed }) => removed)
  expect(removed).toMatchObject({ dataset: sub.id, until: expect.any(String) })
  expect((await ok('ls', at('less'))).map(({ dataset }) => dataset)).toEqual([top.id])
  await ok('restore', at('less'), sub.id)
  await rename(store.root, at('unmounted'))
  await mkdir(store.root)
  expect((await riastore(['copy', '--delete', store.root, at('less')])).code).not.toBe(0)
  expect(await ok('ls', at('less'))).toHaveLength(2)
})

test('with --delete a copy that had none of these datasets loses nothing: another store may have been meant', async () => {
  const { store } = await makeSampleStore(workspace, 'another', 1)
  const { store: full } = await makeSampleStore(workspace, 'full', 1)
  const datasets = async () => (await ok('ls', full.root)).map(({ dataset }) => dataset)
  const had = await datasets()
  const { code, stderr } = await riastore(['copy', '--delete', store.root, full.root])
  expect([code, stderr]).toEqual([3, expect.stringContaining('DST had none of the datasets of SRC')])
  expect(await datasets()).toEqual(expect.arrayContaining(had))
  expect(had).toHaveLength(2)
})

test('a dataset is moved when all of its copy was read back, and the records and the note give the new address', async () => {
  const { store, top, sub } = await makeSampleStore(workspace, 'moved-from', 4)
  const [content, before] = [await contentOf(top), await contentOf(sub)]
  const git = async (path: string, ...args: string[]) =>
    (await runOk('git', ['-C', path, ...args], { env: workspace.env })).stdout.trim()
  const uuid = await git(top.path, 'config', 'datalad.ora-remote.uuid')
  const line = `${uuid} encryption=none externaltype=ora name=store-storage type=external url=ria+file://${store.root}`
  await commitTo(workspace, top, 'git-annex', { 'remote.log': `${line} timestamp=1700000000.5s\n` })
  expect((await riastore(['move', store.root, at('moved-to'), '~study'])).stderr).toContain('give --yes')
  const dry = await riastore(['move', '-n', '--yes', store.root, at('moved-to'), '~study'])
  expect([dry.code, existsSync(at('moved-to'))]).toEqual([0, false])
  const [moved] = await ok('move', '--yes', store.root, at('moved-to'), '~study')
  const copy = openRiaStore(at('moved-to')).dataset(top.id)
  expect(moved).toMatchObject({
    dataset: top.id,
    verified: true,
    recorded: true,
    clones: [
      `git remote set-url SIBLING ${copy.path}`,
      `git annex enableremote store-storage url=ria+file://${at('moved-to')}`,
    ],
  })
  const told = (await riastore(['show', store.root, top.id])).stderr
  expect(told).toContain(`it was moved to ria+file://${at('moved-to')} on`)
  expect(told).toContain((moved as { readonly clones: readonly string[] }).clones.join('; '))
  expect(await contentOf(copy)).toEqual(content)
  expect(await git(copy.path, 'show', 'git-annex:remote.log')).toMatch(
    new RegExp(`^${uuid} encryption=none .*url=ria\\+file://${at('moved-to')} timestamp=[0-9.]+s$`),
  )
  await git(copy.path, 'fsck', '--strict')
  expect((await ok('ls', store.root)).map(({ dataset }) => dataset)).toEqual([sub.id])
  expect(await ok('restore', store.root)).toMatchObject([{ dataset: top.id, aliases: ['study'] }])
  expect(await contentOf(sub)).toEqual(before)
})

test('a dataset that was moved, brought back and pushed to is moved again, but never over what was pushed to its copy', async () => {
  const { store, top } = await makeSampleStore(workspace, 'again-from', 2)
  const { stdout } = await runOk('git', ['-C', top.path, 'config', 'datalad.ora-remote.uuid'], { env: workspace.env })
  const settings = `encryption=none externaltype=ora name=store-storage type=external url=ria+file://${store.root}`
  await commitTo(workspace, top, 'git-annex', { 'remote.log': `${stdout.trim()} ${settings} timestamp=1.5s\n` })
  const move = ['move', '--yes', store.root, at('again-to'), top.id]
  await ok(...move)
  // Whoever was not sure gives the same command again.
  expect(await ok(...move)).toMatchObject([
    { dataset: top.id, recorded: true, clones: [expect.any(String), expect.any(String)], problems: [] },
  ])
  const copy = openRiaStore(at('again-to')).dataset(top.id)
  await ok('restore', store.root, top.id)
  const pushed = await commit(workspace, top, { 'LATER.md': 'pushed to the original\n' })
  expect(await ok(...move)).toMatchObject([{ refs: 2, recorded: true, problems: [] }])
  expect(await historyOf(workspace, copy)).toContain(`${pushed} commit\trefs/heads/main`)
  await ok('restore', store.root, top.id)
  await commitTo(workspace, copy, 'git-annex', { 'x.log': 'pushed to the copy\n' })
  await commit(workspace, top, { 'LAST.md': 'pushed to the original\n' })
  const recordsOf = async () => (await historyOf(workspace, copy)).match(/.*git-annex$/m)?.[0]
  const before = await recordsOf()
  const { code, stderr } = await riastore(move)
  expect([code, stderr]).toEqual([3, expect.stringContaining('refs/heads/git-annex of the copy has what the original')])
  expect((await ok('ls', store.root)).map(({ dataset }) => dataset)).toContain(top.id)
  expect(await recordsOf()).toBe(before)
})

test('a dataset whose copy is damaged stays where it is', async () => {
  const { store, sub } = await makeSampleStore(workspace, 'stays', 3)
  await ok('copy', store.root, at('damaged-copy'), sub.id)
  const copy = openRiaStore(at('damaged-copy')).dataset(sub.id)
  const [entry] = (await listTree(join(copy.path, 'annex/objects'))).filter(({ kind }) => kind === 'file')
  const file = join(copy.path, 'annex/objects', entry?.path ?? '')
  const content = await readFile(file)
  content[0] = (content[0] ?? 0) ^ 1
  await chmod(file, 0o644)
  await writeFile(file, content)
  const { code, stderr } = await riastore(['move', '--yes', store.root, at('damaged-copy'), sub.id])
  expect([code, stderr]).toEqual([3, expect.stringContaining(`it was not moved, and stays in ${store.root}`)])
  expect((await ok('ls', store.root)).map(({ dataset }) => dataset)).toContain(sub.id)
})
