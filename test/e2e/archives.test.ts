import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import {
  type AnnexRepo,
  assortedFiles,
  dataladClone,
  datasetId,
  exists,
  makeDataset,
} from '../support/repos/annex-repo.ts'
import { openRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { startWebServer } from '../support/servers/web-server.ts'
import { variants } from '../support/shared/variants.ts'
import { published } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const remote = 'store-storage'
const files = assortedFiles()
for (let i = 0; i < 30; i++) files[`many/${i}.dat`] = `file ${i}\n`.repeat(i * 50)

let workspace: Workspace
let riastore: ArchiveProgram
let ssh: string
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace, { inProcess: true })
  const sshd = await startSshd(workspace)
  ssh = await sshd.addAlias('archives', {})
})
afterAll(() => workspace?.remove())

/** A dataset whose keys are all in the archive, and a clone without content. */
interface Archived {
  readonly root: string
  readonly repo: AnnexRepo
  readonly dataset: RiaDatasetFiles
  readonly clone: AnnexRepo
  readonly id: string
}

async function makeArchived(name: string, url: (root: string) => string, ...options: string[]): Promise<Archived> {
  const root = workspace.path(`store-${name}`)
  const repo = await makeDataset(workspace, `dataset-${name}`)
  const id = await datasetId(repo)
  await repo.add(files)
  const sibling = ['-s', 'store', '--new-store-ok', '--alias', name, url(root)]
  // By DataLad where it lies behind ssh; what it leaves is the same: create-sibling-compare.test.ts
  if (name === 'ssh') {
    await repo.datalad('create-sibling-ria', ...sibling)
    await repo.datalad('push', '--to', 'store')
  } else await published(repo, ...sibling)
  const dataset = openRiaStore(root).dataset(id)
  expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
  await riastore.ok(['archive', ...options, root, id])
  expect(await dataset.keys()).toEqual([])
  const clone = await dataladClone(workspace, `${url(root)}#${id}`, `clone-${name}`)
  return { root, repo, dataset, clone, id }
}

async function expectAllFiles(clone: AnnexRepo): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
}

const WAYS = [
  ['ssh', (root: string) => `ria+ssh://${ssh}${root}`, []],
  ['packed', (root: string) => `ria+file://${root}`, ['--level', '5']],
  ['disk', (root: string) => `ria+file://${root}`, []],
] as const

describe.each(variants(WAYS.slice(0, 2), WAYS))('a dataset in an archive (%s)', (name, url, options) => {
  let archived: Archived
  beforeAll(async () => {
    archived = await makeArchived(name, url, ...options)
  })

  test('is got with eight jobs', async () => {
    const { clone } = archived
    await clone.datalad('get', '-J8', '.')
    await expectAllFiles(clone)
  })

  test('has its index kept for later processes, in the user’s cache', async () => {
    const { stdout } = await archived.clone.try('find', join(workspace.env.HOME as string, '.cache/riastore/archives'))
    expect(stdout).toMatch(/\.index$/m)
  })

  // How its members are packed makes a difference where they are read, which is shown above and by
  // what was unpacked.
  const isThorough = variants(
    ['ssh'],
    WAYS.map(([way]) => way),
  ).includes(name)
  if (!isThorough) return testUnpacked(() => archived)

  test('is checked key by key, in full and by a look', async () => {
    const { clone } = archived
    for (const how of [[], ['--fast']]) {
      const { stdout } = await clone.annex('fsck', '--from', remote, '-J4', ...how)
      expect(stdout.match(/ok$/gm)).toHaveLength(Object.keys(files).length)
    }
  })

  test('passes git-annex’s own test of a remote that is only read', async () => {
    const { clone } = archived
    const { stdout, status } = await clone.tryAnnex('testremote', remote, '--test-readonly=large.bin')
    expect(status, stdout).toBe(0)
    expect(stdout).toMatch(/All \d+ tests passed/)
  })

  test('is not stored again', async () => {
    const { repo, dataset } = archived
    await repo.annex('copy', '--to', remote, '-J4', '--fast', '.')
    for (const key of [await repo.key('readme.txt'), await repo.key('large.bin')]) {
      await repo.annex('transferkey', key, '--to', remote)
    }
    expect(await dataset.keys()).toEqual([])
  })

  test('has a key that is dropped, and is absent; and stored again, and is present; and archived again', async () => {
    const { repo, dataset, root, id } = archived
    const key = await repo.key('large.bin')
    await repo.annex('drop', '--force', '--from', remote, 'large.bin', 'many/7.dat')
    expect((await repo.checkPresent('large.bin', remote)).presence).toBe('absent')
    expect((await repo.checkPresent('readme.txt', remote)).presence).toBe('present')
    expect((await repo.tryAnnex('get', '--from', remote, '--key', await repo.key('many/8.dat'))).status).toBe(0)
    await repo.annex('copy', '--to', remote, 'large.bin')
    expect((await repo.checkPresent('large.bin', remote)).presence).toBe('present')
    expect(await dataset.keys()).toEqual([key])
    await riastore.ok(['archive', root, id])
    expect(await dataset.keys()).toEqual([])
    expect(await exists(join(dataset.path, 'archives/dropped'))).toBe(false)
    expect((await repo.checkPresent('large.bin', remote)).presence).toBe('present')
    expect((await repo.checkPresent('many/7.dat', remote)).presence).toBe('absent')
    await repo.annex('copy', '--to', remote, 'many/7.dat')
  })

  testUnpacked(() => archived)
})

function testUnpacked(archived: () => Archived): void {
  test('is the same after it was unpacked', async () => {
    const { clone, dataset, root, id } = archived()
    await riastore.ok(['unarchive', root, id])
    expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
    await clone.annex('drop', '--force', '.')
    await clone.annex('get', '-J4', '.')
    await expectAllFiles(clone)
  })
}

test('a dataset in an archive is cloned from a web server and got', async () => {
  const { root, repo, dataset, id } = await makeArchived('web', (path) => `ria+file://${path}`)
  await repo.annex('drop', '--force', '--from', remote, 'empty')
  await repo.git('-C', dataset.path, 'update-server-info')
  const server = await startWebServer(root)
  workspace.onRemove(() => server.close())
  const clone = await dataladClone(workspace, `ria+${server.url}#${id}`, 'clone-from-web')
  await clone.annex('get', '-J4', '--from', remote, 'readme.txt', 'large.bin', 'many')
  expect((await clone.read('large.bin')).equals(Buffer.from(files['large.bin'] as Uint8Array))).toBe(true)
  expect((await clone.checkPresent('empty', remote)).presence).toBe('absent')
  expect((await clone.checkPresent('readme.txt', remote)).presence).toBe('present')
  await rm(join(dataset.path, 'ria-layout-version'))
  expect((await clone.checkPresent('empty', remote)).presence).toBe('unknown')
})
