import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOk } from '../support/programs/run.ts'
import { type AnnexRepo, assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { created, riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const files = assortedFiles()

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo
beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  repo = (await makeDataset(workspace, 'dataset')).with({ env: scene.env })
  await repo.add(files)
})
afterAll(() => workspace?.remove())

/** As docs/s3.md tells it. */
async function move(store: string): Promise<void> {
  const { accessKeyId, secretAccessKey } = scene.s3.account
  const configuration = workspace.path('rclone.conf')
  const keys = `access_key_id = ${accessKeyId}\nsecret_access_key = ${secretAccessKey}`
  const endpoint = `endpoint = ${scene.s3.endpoint}`
  await writeFile(configuration, `[s3]\ntype = s3\nprovider = Ceph\n${keys}\n${endpoint}\n`)
  const script = `
    for dataset in ???/*/; do
      git -C "$dataset" repack -a -d -q
      git -C "$dataset" pack-refs --all
    done
    rclone --config '${configuration}' copy --exclude 'alias/**' --exclude 'error_logs/**' --exclude 'ora-remote-*/**' . s3:${scene.s3.bucket}/moved`
  await runOk('sh', ['-e', '-c', script], { cwd: store, env: workspace.env })
}

test('a store that was copied from a disk into a bucket is cloned from, pushed to and read there', async () => {
  const store = workspace.path('store')
  const id = await datasetId(repo)
  await created(repo, '-s', 'store', '--new-store-ok', '--alias', 'mydata', `ria+file://${store}`)
  await repo.datalad('push', '--to', 'store')
  await move(store)
  const url = scene.url.replace(/store$/, 'moved')
  await runOk(process.execPath, [riastoreProgram(workspace), 'alias', 'set', url, id, 'mydata'], { env: scene.env })

  await repo.git('remote', 'set-url', 'store', `${url.slice('ria+'.length)}/${id.slice(0, 3)}/${id.slice(3)}`)
  await repo.enableRemote('store-storage', `url=${url}`)
  await repo.annex('fsck', '--from', 'store-storage', '--fast')
  await repo.add({ 'later.txt': 'later\n' })
  await repo.datalad('push', '--to', 'store')

  for (const name of [id, '~mydata']) {
    const clone = (await dataladClone(workspace, `${url}#${name}`, `clone-${name}`, { env: scene.env })).with({
      env: scene.env,
    })
    await clone.datalad('get', '.')
    for (const [file, content] of Object.entries({ ...files, 'later.txt': 'later\n' })) {
      expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
    await clone.git('fsck', '--full', '--strict')
  }
})
