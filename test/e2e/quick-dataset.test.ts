import { expect, test } from 'vitest'
import { type AnnexRepo, createDataset, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
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
