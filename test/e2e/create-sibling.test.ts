import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemProgram } from '../support/programs/programs.ts'
import { explain, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import {
  type AnnexRepo,
  assortedFiles,
  cloneAnnexRepo,
  dataladClone,
  datasetId,
  makeAnnexRepo,
  makeDataset,
  makeSubdataset,
} from '../support/repos/annex-repo.ts'
import { useTestS3, withAccount } from '../support/servers/s3.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import {
  created,
  createSibling,
  settingsOf,
  startCreateSibling,
  withoutAsked,
} from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, removeTree, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let env: NodeJS.ProcessEnv
/** Of stores that are not there yet, by scheme. */
const urls: Record<string, string> = {}

beforeAll(async () => {
  workspace = await makeWorkspace()
  const sshd = await startSshd(workspace)
  urls.file = `ria+file://${workspace.path('store')}`
  urls.ssh = `ria+ssh://${sshd.alias}${workspace.path('store-over-ssh')}`
  const s3 = await useTestS3()
  env = withAccount(workspace.env, s3.account)
  urls.s3 = `ria+s3+${s3.endpoint}/${s3.bucket}/store`
  if (!isRoot) return
  // sshd wants every directory above it to be root's alone.
  const chroot = await mkdtemp('/run/riastore-')
  workspace.onRemove(() => removeTree(chroot))
  await chmod(chroot, 0o755)
  await mkdir(join(chroot, 'theirs'))
  await runOk('chown', ['nobody', join(chroot, 'theirs')])
  const jail = await startSshd(workspace, { user: 'nobody', sftpOnly: { chroot } })
  urls.sftp = `ria+sftp://${jail.alias}/theirs/store`
  urls.jail = `ria+ssh://${jail.alias}/theirs/store`
})
afterAll(() => workspace?.remove())

async function expectContent(repo: AnnexRepo, files: Readonly<Record<string, string | Uint8Array>>) {
  for (const [file, content] of Object.entries(files)) {
    expect((await repo.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
}

const schemes = isRoot ? ['file', 'ssh', 'sftp', 's3'] : ['file', 'ssh', 's3']

// Over SFTP and in S3 the repository is made file by file, as the test of aliases does in S3; from
// there git-remote.test.ts clones. Over ssh it is made by git: create-sibling-compare.test.ts.
describe.each(variants(['file'], schemes))('a dataset with siblings over %s', (scheme) => {
  const files = assortedFiles()
  // What does not ask the store is the same wherever it lies.
  const isThorough = variants(['file'], schemes).includes(scheme)

  test('is pushed, cloned by id and by alias, and its content comes back', async () => {
    const url = urls[scheme] ?? ''
    const repo = await makeDataset(workspace, `dataset-${scheme}`, { env })
    const id = await datasetId(repo)
    const args = ['-s', 'ria', '--alias', `named-${scheme}`, '--trust-level', 'untrust', '--new-store-ok', url]

    if (isThorough) {
      const told = await created(repo, '--dry-run', '--json', ...args)
      expect(JSON.parse(told.stdout)).toMatchObject({ status: 'ok', dryRun: true, id, steps: expect.any(Array) })
      expect((await settingsOf(repo)).config).toEqual([])
    }
    expect((await createSibling(repo, ['-s', 'ria', url])).stderr).toMatch(/there is no store: [^\n]*\n$/)

    // As users run it; below it is run in this process.
    const made = await startCreateSibling(repo, args)
    expect([made.status, made.stderr], explain(made)).toEqual([0, ''])
    const before = await settingsOf(repo)
    expect((await created(repo, ...args)).stdout).toMatch(/nothing to do: it is set up already\n$/)
    expect(await settingsOf(repo)).toEqual(before)
    if (isThorough) {
      const other = await createSibling(repo, [...args, '--trust-level', 'semitrust'].toSpliced(4, 2))
      expect(other.stderr).toMatch(/a sibling ria is configured already/)
    }

    for (const [file, content] of Object.entries(files)) await repo.write(file, content)
    await repo.annex('add', '.')
    await repo.git('commit', '-q', '-m', 'some files')
    await repo.datalad('push', '--to', 'ria')

    for (const name of [...(isThorough ? [id] : []), `~named-${scheme}`]) {
      const clone = await dataladClone(workspace, `${url}#${name}`, `clone-${scheme}-${name.slice(0, 6)}`, { env })
      expect(await clone.uuid('ria-storage')).toBe(await repo.uuid('ria-storage'))
      await clone.datalad('get', '.')
      await expectContent(clone, files)
    }

    if (!isThorough) return
    await created(repo, '--existing', 'reconfigure', ...args)
    expect(withoutAsked(await settingsOf(repo))).toEqual(withoutAsked(before))
    await repo.git('fetch', '-q', 'ria')
  })

  test('leaves nothing in the store when its special remote cannot be made', async () => {
    const wrappers = workspace.path(`failing-${scheme}`)
    await mkdir(wrappers)
    const git = await systemProgram('git')
    const script = `#!/bin/sh\ncase "$*" in *initremote*) exit 1;; esac\nexec ${git} "$@"\n`
    await writeFile(join(wrappers, 'git'), script, { mode: 0o755 })
    const repo = await makeDataset(workspace, `failing-dataset-${scheme}`, { env })
    const args = ['-s', 'ria', '--new-store-ok', '--alias', 'failing', '--json', `${urls[scheme]}/failing`]
    const failing = { ...env, PATH: [wrappers, env.PATH].join(delimiter) }
    const failed = await createSibling(repo, args, { env: failing })
    expect(failed.status, explain(failed)).toBe(1)
    expect(await settingsOf(repo)).toMatchObject({ config: [], remoteLog: [] })
    const { steps } = JSON.parse((await created(repo, '--dry-run', ...args)).stdout)
    expect(steps).toEqual([
      expect.stringMatching(/^make a store: /),
      expect.stringMatching(/^make the bare repository: /),
      'make the alias ~failing',
      'make the special remote ria-storage',
      expect.stringMatching(/^set up the git remote ria: /),
    ])
  })

  const isPlainToo = variants(['file', 's3'], schemes).includes(scheme)
  if (!isPlainToo) return
  test('that is a plain git-annex repository is pushed and cloned with git alone', async () => {
    const url = urls[scheme] ?? ''
    const repo = await makeAnnexRepo(workspace, `plain-${scheme}`, { env })
    const content = randomBytes(5000)
    await repo.add({ 'plain.dat': content })
    const made = await created(repo, '-s', 'ria', '--json', '--new-store-ok', url)
    const { id, url: gitUrl } = JSON.parse(made.stdout)
    expect(id).toBe(await repo.uuid())
    await repo.annex('copy', '--to', 'ria-storage', '.')
    await repo.git('push', '-q', 'ria', 'main', 'git-annex')
    const clone = await cloneAnnexRepo(repo, `plain-clone-${scheme}`)
    await clone.git('remote', 'set-url', 'origin', gitUrl)
    await clone.git('fetch', '-q')
    await clone.enableRemote('ria-storage')
    await clone.annex('get', '--from', 'ria-storage', '.')
    await expectContent(clone, { 'plain.dat': content })
  })
})

test.skipIf(!isRoot)('an account without a shell is told to use ria+sftp, and nothing is made', async () => {
  const repo = await makeDataset(workspace, 'without-shell', { env })
  const { jail = '' } = urls
  const before = await settingsOf(repo)
  const refused = await createSibling(repo, ['-s', 'ria', '--new-store-ok', jail])
  expect(refused.status).toBe(1)
  expect(refused.stderr).toMatch(/^riastore: [^\n]*use ria\+sftp:[^\n]*\n$/)
  expect(await settingsOf(repo)).toEqual(before)
  // Keys alone need none.
  await created(repo, '-s', 'keys', '--storage-sibling', 'only', '--new-store-ok', jail)
})

test('subdatasets get siblings of their own, and no alias; one that cannot does not keep the others from it', async () => {
  const store = workspace.path('recursive')
  const top = await makeDataset(workspace, 'top', { env })
  const sub = await makeSubdataset(top, 'sub')
  await makeSubdataset(sub, 'deep')
  await top.git('commit', '-q', '-m', 'deep', 'sub')
  await makeSubdataset(top, 'absent')
  await rm(join(top.path, 'absent'), { recursive: true })
  await mkdir(join(top.path, 'absent'))
  const args = ['-r', '-s', 'ria', '--json', '--new-store-ok', '--alias', 'whole', store]
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  await top.git('-C', 'sub/deep', 'config', 'remote.ria.url', '/elsewhere')
  const refused = await createSibling(top, args)
  expect(refused.status).toBe(2)
  expect(lines(refused.stdout)).toMatchObject([{ path: join(top.path, 'sub/deep'), type: 'error', exitCode: 2 }])
  expect(await top.config('remote.ria.url')).toBeUndefined()

  const skipped = lines((await created(top, '--existing', 'skip', ...args)).stdout)
  expect(skipped.map(({ status }) => status)).toEqual(['ok', 'ok', 'notneeded'])
  await top.git('-C', 'sub/deep', 'config', '--remove-section', 'remote.ria')
  const all = lines((await created(top, ...args)).stdout)
  expect(all.map(({ status, alias }) => [status, alias])).toEqual([
    ['notneeded', 'whole'],
    ['notneeded', undefined],
    ['ok', undefined],
  ])
  await top.datalad('push', '-r', '--to', 'ria')
  const clone = await dataladClone(workspace, `ria+file://${store}#~whole`, 'top-clone', { env })
  await clone.datalad('get', '-n', '-r', 'sub')
  expect(await datasetId(clone)).toBe(await datasetId(top))
})

test('a store for S3 needs our special remote, and stock ORA in front of it is refused', async () => {
  const repo = await makeDataset(workspace, 'stock-first', { env })
  const PATH = workspace.stockEnv.PATH ?? ''
  const refused = await createSibling(repo, ['-s', 'ria', urls.s3 ?? ''], { env: { ...env, PATH } })
  expect(refused.status, explain(refused)).toBe(2)
  expect(refused.stderr).toMatch(/git-annex-remote-ora is not riastore's, which ria\+s3\+http:\/\/ needs/)
  expect((await settingsOf(repo)).config).toEqual([])
})

test('an alias of another dataset is never taken, nor what lies in its place', async () => {
  const owner = await makeDataset(workspace, 'owner', { env })
  const other = await makeDataset(workspace, 'other', { env })
  for (const scheme of variants(['file', 's3'], schemes)) {
    const url = urls[scheme] ?? ''
    await created(owner, '-s', scheme, '--new-store-ok', '--alias', 'owned', url)
    const refused = await createSibling(other, ['-s', scheme, '--alias', 'owned', url])
    expect(refused.stderr, scheme).toMatch(/another dataset has this alias/)
    expect(refused.status, scheme).toBe(1)
    expect((await settingsOf(other)).config).toEqual([])
  }
  await mkdir(workspace.path('store/alias/taken'))
  await writeFile(workspace.path('store/alias/taken/file'), 'x')
  const refused = await createSibling(other, ['-s', 'ria', '--alias', 'taken', urls.file ?? ''])
  expect(refused.status).toBe(1)
  expect(refused.stderr).toMatch(/there is something else in the place of this alias/)
  expect(await readdir(workspace.path('store/alias/taken'))).toEqual(['file'])
  expect((await settingsOf(other)).config).toEqual([])
  await created(other, '-s', 'ria', urls.file ?? '')
})

test('two special remotes for the same keys are never made: they would count as two copies', async () => {
  const url = `ria+file://${workspace.path('counted')}`
  const repo = await makeDataset(workspace, 'counted-once', { env })
  await created(repo, '-s', 'ria', '--new-store-ok', url)
  for (const args of [
    ['-s', 'again', '--existing', 'reconfigure', url],
    ['-s', 'again', '--existing', 'reconfigure', '--storage-sibling', 'only', url],
  ]) {
    const refused = await createSibling(repo, args)
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(/give --storage-name ria-storage\n$/)
  }
  await created(repo, '-s', 'again', '--existing', 'reconfigure', '--storage-name', 'ria-storage', url)
  expect(await repo.config('remote.again.datalad-publish-depends')).toBe('ria-storage')
})
