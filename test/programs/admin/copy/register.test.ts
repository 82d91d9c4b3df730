import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRemoteLog } from '../../../../src/core/records/annex-logs.ts'
import { logPath, repositoriesIn } from '../../../../src/core/records/location-log.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { runOk } from '../../../support/programs/run.ts'
import { openRiaStore, type RiaDatasetFiles } from '../../../support/repos/ria-store.ts'
import { commit, commitTo, makeSampleStore } from '../../../support/repos/sample-store.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
const before = { ...process.env }

beforeAll(async () => {
  workspace = await makeWorkspace()
  Object.assign(process.env, workspace.env)
})
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await workspace?.remove()
})

const at = (name: string) => workspace.path(name)

async function git({ path }: RiaDatasetFiles, ...args: string[]): Promise<string> {
  return (await runOk('git', ['-C', path, ...args], { env: workspace.env })).stdout
}

const records = (dataset: RiaDatasetFiles, file: string) => git(dataset, 'cat-file', 'blob', `git-annex:${file}`)

/** Writes files into the branch of git-annex, in directories, too. */
async function record(dataset: RiaDatasetFiles, files: Readonly<Record<string, string>>): Promise<void> {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const lines = Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${data(text)}`)
  const input = `commit refs/heads/git-annex\ncommitter A <a@example.org> 1 +0000\n${data('update')}from refs/heads/git-annex^0\n${lines.join('')}`
  await runOk('git', ['-C', dataset.path, 'fast-import', '--quiet'], { env: workspace.env, input })
}

async function registered(...words: string[]): Promise<Record<string, unknown>> {
  const ran = await riastore([...words, '--register', '--json'])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  return Object(objectsOf(ran, 'dataset')[0]?.registered)
}

test('both branches get the remote, and the keys that are loose or archived in the copy; and a second run adds nothing', async () => {
  const { store, top, keys } = await makeSampleStore(workspace, 'first', 6)
  const sibling = (await git(top, 'config', 'datalad.ora-remote.uuid')).trim()
  const [key = '', other = ''] = [...keys.keys()].slice(-2)
  const absent = 'MD5E-s3--0123456789abcdef0123456789abcdef.dat'
  const chunked = `${logPath(key)}.cnk`
  await record(top, {
    'remote.log': `${sibling} chunk=10 encryption=none externaltype=ora name=store-storage type=external url=ria+file://${store.root} autoenable=true timestamp=1.5s\n`,
    [logPath(key)]: `1.5s 1 ${sibling}\n`,
    [logPath(other)]: `1.5s 0 ${sibling}\n`,
    [logPath(absent)]: `1.5s 1 ${sibling}\n`,
    [chunked]: `1.5s ${sibling}:10 3\n`,
  })
  await riastore(['archive', '--yes', store.root, top.id])
  const wouldBe = await registered('copy', '-n', store.root, at('copy'), top.id)
  expect(wouldBe).toEqual({ name: 'copy-storage', url: `ria+file://${at('copy')}`, isNew: true, keys: 0 })
  const { uuid, ...rest } = await registered('copy', '--name', 'backup', store.root, at('copy'), top.id)
  expect(rest).toEqual({ name: 'backup', url: `ria+file://${at('copy')}`, isNew: true, keys: 2 })
  const copy = openRiaStore(at('copy')).dataset(top.id)
  const tip = await git(top, 'rev-parse', 'git-annex')
  expect(await git(copy, 'rev-parse', 'git-annex')).toBe(tip)
  expect(Object.fromEntries(parseRemoteLog(await records(top, 'remote.log')).get(String(uuid)) ?? [])).toEqual({
    'archive-id': top.id,
    chunk: '10',
    encryption: 'none',
    externaltype: 'ora',
    name: 'backup',
    timestamp: expect.any(String),
    type: 'external',
    url: `ria+file://${at('copy')}`,
  })
  expect(await records(top, 'uuid.log')).toContain(`${uuid} backup timestamp=`)
  expect([...repositoriesIn(await records(top, logPath(key)))]).toEqual([sibling, uuid])
  expect([...repositoriesIn(await records(top, logPath(other)))]).toEqual([uuid])
  expect([...repositoriesIn(await records(top, logPath(absent)))]).toEqual([sibling])
  expect(await records(top, chunked)).toBe(`1.5s ${sibling}:10 3\n1.5s ${uuid}:10 3\n`)
  expect((await git(copy, 'config', 'datalad.ora-remote.uuid')).trim()).toBe(uuid)
  expect((await git(top, 'config', 'datalad.ora-remote.uuid')).trim()).toBe(sibling)
  // By another URL of the same store it is still this one.
  await symlink(at('copy'), at('same-copy'))
  for (const dst of [at('copy'), at('same-copy')]) {
    expect(await registered('copy', store.root, dst, top.id)).toMatchObject({ uuid, isNew: false, keys: 0 })
  }
  expect(await git(top, 'rev-parse', 'git-annex')).toBe(tip)
  const renamed = await riastore(['copy', '--register', '--name', 'another', store.root, at('copy'), top.id])
  expect([renamed.code, renamed.stderr]).toEqual([3, expect.stringContaining('the copy is registered as backup')])
  // A second copy has a name of its own; one that is taken is refused.
  const taken = await riastore(['copy', '--register', '--name', 'backup', store.root, at('second'), top.id])
  expect([taken.code, taken.stderr]).toEqual([3, expect.stringContaining('another special remote named backup')])
  expect(await registered('copy', store.root, at('second'), top.id)).toMatchObject({ name: 'copy-storage', keys: 2 })
})

test('a copy whose branch went another way gets the same records by a commit of its own', async () => {
  const { store, top, keys } = await makeSampleStore(workspace, 'diverging', 2)
  const [key = ''] = [...keys.keys()].slice(-1)
  await record(top, { [logPath(key)]: `1.5s 1 ${randomUUID()}\n` })
  await riastore(['copy', store.root, at('diverged'), top.id])
  const copy = openRiaStore(at('diverged')).dataset(top.id)
  await commitTo(workspace, copy, 'git-annex', { 'own.log': 'of the copy\n' })
  await commit(workspace, top, { 'NEWER.md': 'of the original\n' })
  const ran = await riastore(['copy', '--register', '--json', store.root, at('diverged'), top.id])
  expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining('refs/heads/git-annex of the copy has')])
  const [{ registered } = {}] = objectsOf(ran, 'dataset')
  const { uuid } = Object(registered)
  for (const dataset of [top, copy]) {
    expect(
      parseRemoteLog(await records(dataset, 'remote.log'))
        .get(uuid)
        ?.get('name'),
    ).toBe('copy-storage')
    expect(repositoriesIn(await records(dataset, logPath(key)))).toContain(uuid)
  }
  expect(await records(copy, 'own.log')).toBe('of the copy\n')
})

test('a dataset without records in its store, or that is its own copy by another name, is told so and nothing changes', async () => {
  const { store, top, sub } = await makeSampleStore(workspace, 'refused', 2)
  await git(sub, 'update-ref', '-d', 'refs/heads/git-annex')
  const without = await riastore(['copy', '--register', store.root, at('no-records'), sub.id])
  expect([without.code, without.stderr]).toEqual([
    3,
    expect.stringMatching(/were not told of the copy: .*git-annex has no records in this store, .*push the dataset/),
  ])
  const directory = relative(store.root, top.path)
  await mkdir(join(at('other-name'), dirname(directory)), { recursive: true })
  await writeFile(join(at('other-name'), 'ria-layout-version'), '1\n')
  await symlink(top.path, join(at('other-name'), directory))
  const tip = await git(top, 'rev-parse', 'git-annex')
  const itself = await riastore(['copy', '--register', store.root, at('other-name'), top.id])
  expect([itself.code, itself.stderr]).toEqual([3, expect.stringContaining('SRC and DST are the same store')])
  expect(await git(top, 'rev-parse', 'git-annex')).toBe(tip)
  const named = await riastore(['copy', '--name', 'backup', store.root, at('unnamed')])
  expect([named.code, named.stderr]).toEqual([2, expect.stringContaining('--name is what --register calls the copy')])
})

test('append-only stores are registered, for that only adds', async () => {
  const { store, top } = await makeSampleStore(workspace, 'append-only', 2)
  for (const root of [store.root, at('append-only-copy')]) {
    await mkdir(root, { recursive: true })
    await rm(join(root, 'ria-layout-version'), { force: true })
    await mkdir(dirname(root), { recursive: true })
    await writeFile(join(root, 'ria-layout-version'), '1|a\n')
  }
  const { uuid } = await registered('copy', store.root, at('append-only-copy'), top.id)
  const config = join(openRiaStore(at('append-only-copy')).dataset(top.id).path, 'config')
  expect(await readFile(config, 'utf8')).toContain(String(uuid))
  // It is newer than the store's being append-only.
  expect(await readFile(config, 'utf8')).toContain('denyDeletes = true')
})
