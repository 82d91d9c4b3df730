import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  AnnexRepo,
  cloneAnnexRepo,
  createDataset,
  datasetId,
  makeAnnexRepo,
  makeDataset,
} from '../support/repos/annex-repo.ts'
import { addDataset, addRemote, initRemote, listTree, makeRiaStore } from '../support/repos/ria-store.ts'
import { makeWorkspace } from '../support/worlds/workspace.ts'

test('a dataset that the tests make without DataLad is as datalad create leaves it', async () => {
  const workspace = await makeWorkspace()
  try {
    const look = async (repo: AnnexRepo) => {
      const plain = async (text: string) =>
        text.replaceAll(await datasetId(repo), 'ID').replaceAll(await repo.uuid(), 'UUID')
      const said = async (...args: string[]) => plain((await repo.git(...args)).stdout)
      const files = (await said('ls-files')).trim().split('\n')
      const contents = await Promise.all(files.map(async (file) => plain((await repo.read(file)).toString())))
      return {
        files: Object.fromEntries(files.map((file, i) => [file, contents[i]])),
        config: (await said('config', '--local', '--list')).split('\n').sort(),
        status: await said('status', '--porcelain'),
        branch: await said('symbolic-ref', 'HEAD'),
        commits: await said('log', '--format=%s'),
      }
    }
    expect(await look(await makeDataset(workspace, 'ours'))).toEqual(
      await look(await createDataset(workspace, 'theirs')),
    )
  } finally {
    await workspace.remove()
  }
})

test('an annex, and a special remote in it, that the tests make without git-annex are as that leaves them', async () => {
  const workspace = await makeWorkspace()
  try {
    const store = await makeRiaStore(workspace.path('store'))
    const dataset = await addDataset(workspace, store)
    const url = `ria+file://${store.root}`
    const theirs = new AnnexRepo(workspace, workspace.path('theirs'))
    await mkdir(theirs.path)
    await theirs.git('init', '-q')
    await theirs.annex('init', '-q', 'named')
    await initRemote(theirs, url, dataset.id)
    const ours = await makeAnnexRepo(workspace, 'named')
    await addRemote(ours, url, dataset.id)

    const look = async (repo: AnnexRepo) => {
      const [uuid, remote] = [await repo.uuid(), await repo.uuid('store')]
      const said = async (...args: string[]) => {
        const { stdout } = await repo.git(...args)
        const plain = stdout.replaceAll(uuid, 'UUID').replaceAll(remote, 'REMOTE')
        return plain
          .replaceAll(/timestamp=[\d.]+s/g, 'TIME')
          .split('\n')
          .sort()
      }
      const git = join(repo.path, '.git')
      const hooks = (await listTree(join(git, 'hooks'))).filter(({ path }) => !path.endsWith('.sample'))
      return {
        config: await said('config', '--local', '--list'),
        uuids: await said('show', 'git-annex:uuid.log'),
        remotes: await said('show', 'git-annex:remote.log'),
        logs: await said('ls-tree', '-r', '--name-only', 'git-annex'),
        hooks: hooks.map(({ path, mode, size }) => [path, mode, size]),
        attributes: await readFile(join(git, 'info/attributes'), 'utf8'),
        sentinal: /^\d+ 0 \d+ \d+$/.test(await readFile(join(git, 'annex/sentinal.cache'), 'utf8')),
      }
    }
    expect(await look(ours)).toEqual(await look(theirs))
    // git-annex itself goes on with what it did not make.
    await ours.add({ file: 'content' })
    await ours.annex('copy', '--to', 'store', 'file')
    expect((await ours.checkPresent('file', 'store')).presence).toBe('present')
    const clone = await cloneAnnexRepo(ours, 'clone')
    await clone.enableRemote('store')
    expect((await clone.annex('find', '--in', 'store')).stdout).toBe('file\n')
    expect((await clone.annex('info', '--fast', '--json')).stdout).toMatch(/"description":"named[ "]/)
  } finally {
    await workspace.remove()
  }
})
