import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AnnexHost } from '../support/programs/annex-host.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addDataset, addRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { type StallProxy, startStallProxy } from '../support/servers/stall-proxy.ts'
import { startWebServer, type WebServer } from '../support/servers/web-server.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const remote = 'store'

let workspace: Workspace
let sshd: Sshd
/** Counts who connects to the SSH server. */
let proxy: StallProxy
let web: WebServer
let repo: AnnexRepo
let dataset: RiaDatasetFiles
let sshUrl: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
  proxy = await startStallProxy(sshd.port)
  workspace.onRemove(() => proxy.stop())
  const host = await sshd.addAlias('counted', { Port: proxy.port })
  const store = await makeRiaStore(workspace.path('store'))
  web = await startWebServer(store.root)
  workspace.onRemove(() => web.close())
  dataset = await addDataset(workspace, store)
  sshUrl = `ria+ssh://${host}${store.root}`
  repo = await makeAnnexRepo(workspace, 'repo')
  await repo.add({ there: 'in the store\n', 'here.txt': 'only here\n' })
  await addRemote(repo, sshUrl, dataset.id, remote)
  await repo.annex('copy', '--to', remote, 'there')
  const second = await makeRiaStore(workspace.path('second'))
  await addRemote(repo, `ria+file://${second.root}`, (await addDataset(workspace, second)).id, 'other')
})
afterAll(() => workspace?.remove())
afterEach(() => proxy.resume())

const ways: [string, () => { url: string; connections: () => number; goDown: () => void; comeBack: () => void }][] = [
  ...['ssh2', 'openssh'].map((channel): (typeof ways)[number] => [
    `ssh through ${channel}`,
    () => ({ url: sshUrl, connections: proxy.connections, goDown: proxy.refuse, comeBack: proxy.resume }),
  ]),
  [
    'http',
    () => ({
      url: `ria+${web.url}`,
      connections: () => web.requests.length,
      goDown: () => web.behave(/./, { status: 401 }),
      comeBack: () => web.reset(),
    }),
  ],
]

describe.each(ways)('over %s', (name, way) => {
  test('nothing is connected to before the first key, and a server that is down then is no obstacle later', async () => {
    const { url, connections, goDown, comeBack } = way()
    await repo.setConfig(`remote.${remote}.riastore-ssh`, name.split(' ').at(-1) === 'openssh' ? 'openssh' : 'ssh2')
    comeBack()
    goDown()
    const before = connections()
    const host = await AnnexHost.start(workspace, {
      gitDir: `${repo.path}/.git`,
      config: { url, 'archive-id': dataset.id },
    })
    expect(await host.request('EXTENSIONS INFO GETGITREMOTENAME')).toMatch(/^EXTENSIONS/)
    expect(await host.request('PREPARE')).toBe('PREPARE-SUCCESS')
    expect(await host.request('GETCOST')).toBe('COST 200')
    expect(await host.request('GETAVAILABILITY')).toBe('AVAILABILITY GLOBAL')
    expect(connections() - before).toBe(0)

    const key = await repo.key('there')
    expect(await host.request(`CHECKPRESENT ${key}`)).toMatch(/^CHECKPRESENT-UNKNOWN /)
    expect(connections() - before).toBeGreaterThan(0)
    comeBack()
    expect(await host.request(`CHECKPRESENT ${key}`)).toBe(`CHECKPRESENT-SUCCESS ${key}`)
    expect((await host.end()).status).toBe(0)
  })
})

test('while the server is down, what needs nothing of it goes on, and does not even try to connect', async () => {
  await repo.setConfig(`remote.${remote}.riastore-ssh`, 'auto')
  proxy.refuse()
  const before = proxy.connections()
  expect((await repo.annex('info')).stdout).toContain(`[${remote}]`)
  await workspace.forgetStarts()
  expect((await repo.annex('info', remote)).stdout).toContain(`dataset id: ${dataset.id}`)
  expect(await workspace.starts()).toBe(1)
  expect((await repo.annex('find', '--in', remote)).stdout.trim()).toBe('there')
  expect((await repo.annex('list')).stdout).toContain('there')
  await repo.annex('copy', '--to', 'other', '.')
  await repo.annex('drop', 'there')
  await repo.annex('get', '--from', 'other', 'there')
  await repo.annex('drop', '--from', 'other', 'there')
  expect((await repo.read('there')).toString()).toBe('in the store\n')
  expect(proxy.connections() - before).toBe(0)

  // This asks where in the store the key lies, which depends on the store's layout; without an
  // answer it still lists who has it.
  expect((await repo.annex('whereis', 'there')).stdout).toContain(`[${remote}]`)
  expect(proxy.connections() - before).toBeGreaterThan(0)
})
