import { randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installArchiveProgram } from '../support/programs/archive-program.ts'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { openRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const files: Record<string, string | Uint8Array> = {
  ...assortedFiles(),
  ...Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`many/${i}.dat`, randomBytes(100 + 37 * i)])),
}

// On a disk: the demo, and interop.test.ts.
describe.each(variants(['ssh'], ['file', 'ssh']))('on ria+%s', (scheme) => {
  let workspace: Workspace
  let sshd: Sshd
  let url: string
  let repo: AnnexRepo
  let id: string
  let dataset: RiaDatasetFiles
  const remote = 'store-storage'

  beforeAll(async () => {
    workspace = await makeWorkspace()
    sshd = await startSshd(workspace)
    const root = workspace.path('store')
    url = scheme === 'file' ? `ria+file://${root}` : `ria+ssh://${sshd.alias}${root}`
    repo = await makeDataset(workspace, 'dataset')
    id = await datasetId(repo)
    dataset = openRiaStore(root).dataset(id)
    await repo.add(files)
  })
  afterAll(() => workspace?.remove())

  /** Runs a command and looks at how many programs and connections it took. */
  async function counted(command: () => Promise<unknown>) {
    await workspace.forgetStarts()
    await sshd.forgetConnections()
    await command()
    return { programs: await workspace.starts(), connections: await sshd.connections() }
  }
  const once = { programs: 1, connections: scheme === 'ssh' ? 1 : 0 }

  async function expectWhole(clone: AnnexRepo) {
    for (const [file, content] of Object.entries(files)) {
      expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
  }

  test('a dataset is published and cloned back by its id and by its alias', async () => {
    await repo.datalad('create-sibling-ria', '-s', 'store', '--new-store-ok', '--alias', 'daily', url)
    await repo.datalad('push', '--to', 'store')
    expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
    await expectNoStrays(dataset)
    await repo.datalad('drop', '.')
    // By its id the collaborator below clones it.
    const byAlias = ['clone-by-alias', '~daily'] as const
    for (const [name, fragment] of variants([byAlias], [['clone-by-id', id] as const, byAlias])) {
      const clone = await dataladClone(workspace, `${url}#${fragment}`, name)
      await clone.datalad('get', '.')
      await expectWhole(clone)
    }
    expect(await workspace.starts()).toBeGreaterThan(0)
  })

  // On a disk there is no connection to be counted.
  test.each(variants(['-J8'], ['-J1', '-J8']))(
    'get, drop, copy, move and fsck serve all keys with one program and one connection at %s',
    async (jobs) => {
      expect(await counted(() => repo.annex('get', jobs, '--from', remote, '.'))).toEqual(once)
      await expectWhole(repo)
      expect(await counted(() => repo.annex('fsck', jobs, '--from', remote, '--fast', '.'))).toEqual(once)
      expect(await counted(() => repo.annex('fsck', jobs, '--from', remote, '.'))).toEqual(once)
      expect(await counted(() => repo.annex('drop', jobs, '--from', remote, '.'))).toEqual(once)
      expect(await dataset.keys()).toEqual([])
      expect(await counted(() => repo.annex('copy', jobs, '--to', remote, '.'))).toEqual(once)
      expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
      expect(await counted(() => repo.annex('drop', jobs, '.'))).toEqual(once)
      expect(await repo.has('large.bin')).toBe(false)
      expect(await counted(() => repo.annex('move', jobs, '--from', remote, '.'))).toEqual(once)
      expect(await dataset.keys()).toEqual([])
      await expectWhole(repo)
      expect(await counted(() => repo.annex('move', jobs, '--to', remote, '.'))).toEqual(once)
      expect(await repo.has('large.bin')).toBe(false)
      expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
      await expectNoStrays(dataset)
    },
  )

  test('whereis says where in the store a file lies', async () => {
    const { stdout } = await repo.annex('whereis', 'large.bin')
    const place = await dataset.keyFile(repo, await repo.key('large.bin'))
    expect((await readFile(place)).equals(Buffer.from(files['large.bin'] ?? ''))).toBe(true)
    expect(stdout).toContain(dataset.path)
    expect(stdout).toContain(basename(place))
    if (scheme === 'ssh') expect(stdout).toContain(sshd.alias)
  })

  test('info describes the storage sibling', async () => {
    const { stdout } = await repo.annex('info', remote)
    expect(stdout).toMatch(/type: external/)
    expect(stdout).toMatch(/externaltype: ora/)
    expect(stdout).toMatch(new RegExp(`remote annex keys: ${Object.keys(files).length}`))
  })

  test('a lost key is found missing by fsck and is not reported as there any more', async () => {
    const key = await repo.key('many/3.dat')
    await repo.annex('get', '--from', remote, 'many/3.dat')
    await rm(await dataset.keyFile(repo, key))
    expect((await repo.checkPresentKey(key, remote)).presence).toBe('absent')
    expect((await repo.tryAnnex('fsck', '--fast', '--from', remote, 'many/3.dat')).status).toBe(1)
    await repo.annex('copy', '--to', remote, 'many/3.dat')
    expect((await repo.checkPresentKey(key, remote)).presence).toBe('present')
  })

  test('changes are pushed, fetched and got by another clone', async () => {
    const clone = await dataladClone(workspace, `${url}#${id}`, 'collaborator')
    await repo.add({ 'news.txt': 'new\n' })
    await repo.datalad('push', '--to', 'store')
    await clone.datalad('update', '--how', 'merge')
    await clone.datalad('get', 'news.txt')
    expect((await clone.read('news.txt')).toString()).toBe('new\n')
  })

  test('ls, cat and check look at the store without a clone, and find it whole, until a key is cut off', async () => {
    const program = await installArchiveProgram(workspace)
    expect((await program.json(['ls', url])).map(({ dataset }) => dataset)).toEqual([id])
    const listed = await program.json(['ls', '-r', url, '~daily'])
    expect(listed.filter(({ key }) => key !== undefined).map(({ path }) => path)).toContain('many/3.dat')
    expect(listed.filter(({ present }) => present !== true)).toEqual([])
    expect(await program.ok(['cat', url, id, 'news.txt'])).toBe('new\n')
    expect(await program.ok(['check', '--data', url])).toContain('no problems')
    const place = await dataset.keyFile(repo, await repo.key('many/3.dat'))
    await rm(place)
    await writeFile(place, 'cut off')
    const { status, stdout } = await program.run(['check', url, id])
    expect([status, stdout]).toEqual([3, expect.stringMatching(/DAMAGE key-size: .*\n +file +many\/3\.dat at /)])
  })
})
