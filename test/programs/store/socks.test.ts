import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { readUserGitConfig } from '../../../src/core/git-config.ts'
import { parseStoreUrl } from '../../../src/ria/url.ts'
import { openStore } from '../../../src/store/open.ts'
import { runOk } from '../../support/programs/run.ts'
import { freePort, startSshd } from '../../support/servers/sshd.ts'
import { type StallProxy, startStallProxy } from '../../support/servers/stall-proxy.ts'
import { startWebServer, type WebServer } from '../../support/servers/web-server.ts'
import { read } from '../../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

let workspace: Workspace
let web: WebServer
/** In front of the SOCKS server of `ssh -D`: it counts. */
let counting: StallProxy

beforeAll(async () => {
  workspace = await makeWorkspace()
  const sshd = await startSshd(workspace)
  await writeFile(workspace.path('file'), 'content')
  web = await startWebServer(workspace.directory)
  workspace.onRemove(() => web.close())
  const port = await freePort()
  const options = ['-o', 'ExitOnForwardFailure=yes', '-f', '-N', '-D', `127.0.0.1:${port}`]
  // In the background once it listens; the connection ends with the server.
  await runOk('sh', ['-c', 'ssh "$@" >/dev/null 2>&1', 'sh', ...options, sshd.alias], { env: workspace.env })
  counting = await startStallProxy(port)
  workspace.onRemove(() => counting.stop())
})
afterAll(() => workspace?.remove())
afterEach(() => vi.unstubAllEnvs())

test.each(['socks5h', 'socks5'])('a store on the web is read through a SOCKS proxy, %s', async (scheme) => {
  vi.stubEnv('all_proxy', `${scheme}://127.0.0.1:${counting.port}`)
  for (const name of ['http_proxy', 'HTTP_PROXY', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, undefined)
  vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null')
  const before = counting.connections()
  // Another name of this computer: by those that are known it is never asked through a proxy.
  const url = parseStoreUrl(`ria+http://0.0.0.0:${new URL(web.url).port}`)
  const store = await openStore(url, { stallMs: 60_000, ssh: 'auto', git: await readUserGitConfig() })
  expect((await read(store, 'file')).toString()).toBe('content')
  expect(await store.stat('absent')).toBeUndefined()
  expect(counting.connections()).toBeGreaterThan(before)
  await store.close()
})
