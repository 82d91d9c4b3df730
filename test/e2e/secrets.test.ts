import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explain, run } from '../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import {
  addDataset,
  initRemote,
  makeRiaStore,
  type RiaDatasetFiles,
  type RiaStore,
} from '../support/repos/ria-store.ts'
import { startWebServer, type WebServer } from '../support/servers/web-server.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const PASSWORD = 's3cr3tW0rd'

let workspace: Workspace
let web: WebServer
let repo: AnnexRepo
let store: RiaStore
let dataset: RiaDatasetFiles

beforeAll(async () => {
  workspace = await makeWorkspace()
  store = await makeRiaStore(workspace.path('store'))
  dataset = await addDataset(workspace, store)
  web = await startWebServer(store.root)
  workspace.onRemove(() => web.close())
  repo = await makeAnnexRepo(workspace, 'repo')
  await repo.add({ 'a.txt': 'a\n' })
})
afterAll(() => workspace?.remove())

const withPassword = (url: string) => url.replace('://', `://somebody:${PASSWORD}@`)
const httpUrl = () => `ria+${web.url}`

/** Everything that git-annex committed, and what it would commit next. */
async function committed(): Promise<string> {
  await repo.annex('merge')
  const log = await repo.git('log', '--all', '-p')
  const journal = await run('grep', ['-rsl', PASSWORD, `${repo.path}/.git/annex/journal`])
  return log.stdout + journal.stdout
}

const WOULD_BE_COMMITTED = /given with a password, which would be committed: set it as remote\.<name>\.ora-url/

async function expectRefused(reason: RegExp, ...parameters: string[]) {
  const result = await repo.tryAnnex(...parameters)
  expect(result.status, explain(result)).toBe(1)
  const said = result.stdout + result.stderr
  expect(said).toMatch(reason)
  expect(said).not.toContain(PASSWORD)
  expect(await committed()).not.toContain(PASSWORD)
}

describe('a password in a store URL', () => {
  const sshUrl = () => 'ria+ssh://host.invalid/store'
  const fileUrl = () => `ria+file://${store.root}`
  const given: [string, RegExp, () => string[]][] = [
    ['url over http', WOULD_BE_COMMITTED, () => [`url=${withPassword(httpUrl())}`]],
    ['url that git rewrites to one with a password', WOULD_BE_COMMITTED, () => ['url=ria+http://nickname']],
    ['url over ssh', /ssh takes none from a URL/, () => [`url=${withPassword(sshUrl())}`]],
    [
      'push-url over ssh',
      /ssh takes none from a URL/,
      () => [`url=${fileUrl()}`, `push-url=${withPassword(sshUrl())}`],
    ],
  ]

  test.each(given)('is refused by initremote in the %s, and committed nowhere', async (_which, reason, urls) => {
    await repo.setConfig(`url.${withPassword(httpUrl())}.insteadOf`, 'ria+http://nickname')
    const settings = ['type=external', 'externaltype=ora', 'encryption=none', `archive-id=${dataset.id}`]
    await expectRefused(reason, 'initremote', 'refused', ...settings, ...urls())
    expect(await repo.config('remote.refused.annex-uuid')).toBeUndefined()
  })

  test('is refused by enableremote, and the remote stays as it was', async () => {
    const remote = await initRemote(repo, `ria+file://${store.root}`, dataset.id)
    await repo.annex('copy', '--to', remote, 'a.txt')
    await expectRefused(WOULD_BE_COMMITTED, 'enableremote', remote, `url=${withPassword(httpUrl())}`)
    expect((await repo.checkPresent('a.txt', remote)).presence).toBe('present')
  })

  test('is used from the local ora-url, sent to the store, and never committed', async () => {
    const remote = 'store'
    await repo.setConfig(`remote.${remote}.ora-url`, withPassword(httpUrl()))
    web.reset()
    await repo.enableRemote(remote)
    await repo.annex('drop', 'a.txt')
    await repo.annex('get', '--from', remote, 'a.txt')
    const info = await repo.annex('info', remote)
    const whereis = await repo.annex('whereis', 'a.txt')
    const authorization = `Basic ${Buffer.from(`somebody:${PASSWORD}`).toString('base64')}`
    expect(new Set(web.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([authorization]))
    expect(info.stdout).toContain('dataset id')
    expect(whereis.stdout).toContain(dataset.id.slice(3))
    expect(info.stdout + info.stderr + whereis.stdout + whereis.stderr).not.toContain(PASSWORD)
    expect(await committed()).not.toContain(PASSWORD)
  })
})
