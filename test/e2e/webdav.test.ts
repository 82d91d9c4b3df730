import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
} from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { addDataset, initRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { startApache, startRclone, type WebDavServer } from '../support/servers/webdav.ts'
import { riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const LOGIN = { user: 'user', password: 'pass:word ü' }

let workspace: Workspace
let apache: WebDavServer
let rclone: WebDavServer

beforeAll(async () => {
  workspace = await makeWorkspace()
  apache = await startApache(LOGIN)
  workspace.onRemove(() => apache.close())
  rclone = await startRclone()
  workspace.onRemove(() => rclone.close())
  // As git's `credential.helper store` keeps it.
  const kept = workspace.path('git-credentials')
  const { host } = new URL(apache.url)
  await writeFile(kept, `http://${encodeURIComponent(LOGIN.user)}:${encodeURIComponent(LOGIN.password)}@${host}\n`)
  await runOk('git', ['config', '--global', 'credential.helper', `store --file=${kept}`], { env: workspace.env })
})
afterAll(() => workspace?.remove())

const riaUrl = ({ url }: WebDavServer) => `ria+dav${url.slice('http'.length)}/a/store`
const files = assortedFiles()

test('a dataset is made, pushed, cloned with DataLad and got over WebDAV with rclone', async () => {
  const store = riaUrl(rclone)
  await runOk(process.execPath, [riastoreProgram(workspace), 'init', store], { env: workspace.env })
  const source = await makeDataset(workspace, 'source')
  await source.add(files)
  const made = await source.try(process.execPath, riastoreProgram(workspace), 'create-sibling', store, '-s', 'web')
  expect(made.status, explain(made)).toBe(0)
  await source.datalad('push', '--to', 'web')
  const clone = await dataladClone(workspace, `${store}#${await datasetId(source)}`, 'clone')
  await clone.datalad('get', '.')
  for (const [file, content] of Object.entries(files)) {
    expect((await clone.read(file)).equals(Buffer.from(content)), file).toBe(true)
  }
})

describe("Apache's mod_dav, which asks for a password,", () => {
  let dataset: RiaDatasetFiles
  let repo: AnnexRepo

  beforeAll(async () => {
    const store = await makeRiaStore(join(apache.files, 'a/store'))
    dataset = await addDataset(workspace, store)
    if (isRoot) await runOk('chown', ['-R', 'www-data', apache.files])
    repo = await makeAnnexRepo(workspace, 'repo')
  })

  test('passes git annex testremote --fast, with what the credential helper of git has', async () => {
    const remote = await initRemote(repo, riaUrl(apache), dataset.id, { name: 'tested' })
    const result = await repo.tryAnnex('testremote', remote, '--fast')
    expect(result.status, explain(result)).toBe(0)
    expect(await dataset.keys()).toEqual([])
    await expectNoStrays(dataset)
  })

  test('lets in who has the password in the environment, and nobody with a wrong one', async () => {
    const withPassword = (WEBDAV_PASSWORD: string) =>
      repo.with({ env: { ...workspace.env, WEBDAV_USERNAME: LOGIN.user, WEBDAV_PASSWORD } })
    const options = { name: 'let-in' }
    const refused = initRemote(withPassword('a wrong one'), riaUrl(apache), dataset.id, options)
    await expect(refused).rejects.toThrow(/answered 401/)
    await initRemote(withPassword(LOGIN.password), riaUrl(apache), dataset.id, options)
  })

  test('has the password kept of who makes a remote, and gets no other before it is named', async () => {
    const alone = {
      ...workspace.env,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'credential.helper',
      GIT_CONFIG_VALUE_0: '',
    }
    const withPassword = { ...alone, WEBDAV_USERNAME: LOGIN.user, WEBDAV_PASSWORD: LOGIN.password }
    await initRemote(repo.with({ env: withPassword }), riaUrl(apache), dataset.id, { name: 'kept' })
    await repo.add({ 'kept.txt': 'kept\n' })
    await repo.with({ env: alone }).annex('copy', '--to', 'kept', 'kept.txt')
    const clone = (await cloneAnnexRepo(repo, 'theirs')).with({ env: withPassword })
    const refused = await clone.tryAnnex('enableremote', 'kept')
    expect(refused.status).not.toBe(0)
    const allow = `git config --global --add riastore.webdavEndpoint ${apache.url}`
    expect(explain(refused)).toContain(`WEBDAV_PASSWORD is sent to no server that you did not name: ${allow} allows it`)
    await clone.git('config', 'riastore.webdavEndpoint', apache.url)
    await clone.enableRemote('kept')
    await clone.annex('get', '--from', 'kept', 'kept.txt')
  })
})
