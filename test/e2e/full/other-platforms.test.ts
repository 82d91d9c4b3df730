import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { envElsewhere } from '../../support/programs/elsewhere.ts'
import { explain, runOk } from '../../support/programs/run.ts'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../../support/repos/annex-repo.ts'
import { useTestS3, withAccount } from '../../support/servers/s3.ts'
import { startSshd } from '../../support/servers/sshd.ts'
import { startWebServer } from '../../support/servers/web-server.ts'
import { startRclone } from '../../support/servers/webdav.ts'
import { created, riastoreProgram } from '../../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const files = assortedFiles()

/** Real programs on this Linux, but for ours: they see another system, and no /proc. */
describe.each(['darwin', 'linux'])('on a %s without /proc', (platform) => {
  let workspace: Workspace
  let env: NodeJS.ProcessEnv
  const urls: Record<string, string> = {}

  beforeAll(async () => {
    workspace = await makeWorkspace()
    const sshd = await startSshd(workspace)
    const dav = await startRclone()
    workspace.onRemove(() => dav.close())
    const s3 = await useTestS3()
    env = withAccount(await envElsewhere(workspace, platform), s3.account)
    urls.file = `ria+file://${workspace.path('store')}`
    urls.ssh = `ria+ssh://${sshd.alias}${workspace.path('store-over-ssh')}`
    urls.s3 = `ria+s3+${s3.endpoint}/${s3.bucket}/store`
    urls.dav = `ria+dav${dav.url.slice('http'.length)}/store`
  })
  afterAll(() => workspace?.remove())

  const expectWhole = async (clone: AnnexRepo) => {
    for (const [file, content] of Object.entries(files)) {
      expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
  }
  const riastore = (repo: AnnexRepo, ...words: string[]) =>
    runOk(process.execPath, [riastoreProgram(workspace), ...words], { ...repo.options, cwd: repo.path })

  test('our programs see it so', async () => {
    const script = "process.stdout.write(process.platform + require('fs').existsSync('/proc/self'))"
    expect((await runOk(process.execPath, ['-e', script], { env })).stdout).toBe(`${platform}false`)
  })

  test.each(['file', 'ssh', 's3', 'dav'])(
    'a dataset is made, pushed, cloned, got one by one and at once, and packed: %s',
    async (kind) => {
      const url = urls[kind] ?? ''
      const source = await makeDataset(workspace, `source-${kind}`, { env })
      await source.add(files)
      await created(source, '-s', 'store', '--new-store-ok', '--alias', 'mine', url)
      await source.datalad('push', '--to', 'store')
      const clone = await dataladClone(workspace, `${url}#~mine`, `clone-${kind}`, { env })
      await clone.datalad('get', '.')
      await expectWhole(clone)
      const checked = await clone.tryAnnex('fsck', '--fast', '--from', 'store-storage')
      expect(checked.status, explain(checked)).toBe(0)
      await clone.annex('drop', '.')
      await riastore(clone, 'get')
      await expectWhole(clone)
      await clone.annex('drop', '.')
      await riastore(source, 'archive', url, '~mine')
      await clone.annex('get', '.')
      await expectWhole(clone)
    },
  )

  test('a dataset is cloned from a web server, and got', async () => {
    const source = await makeDataset(workspace, 'source-web', { env })
    await source.add(files)
    const root = workspace.path('store-on-the-web')
    await created(source, '-s', 'store', '--new-store-ok', '--post-update-hook', `ria+file://${root}`)
    await source.datalad('push', '--to', 'store')
    const server = await startWebServer(root)
    workspace.onRemove(() => server.close())
    const clone = await dataladClone(workspace, `ria+${server.url}#${await datasetId(source)}`, 'clone-web', { env })
    await clone.datalad('get', '.')
    await expectWhole(clone)
  })
})
