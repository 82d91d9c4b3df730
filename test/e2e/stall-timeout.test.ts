import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { explain, run } from '../support/programs/run.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
/** Takes connections and never says a word. */
let silent: Server
let address: string
const sockets = new Set<Socket>()

beforeAll(async () => {
  workspace = await makeWorkspace()
  silent = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  address = `127.0.0.1:${(silent.address() as { port: number }).port}`
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  silent?.close()
  await workspace?.remove()
})

test.each([
  ['all', ['-c', 'riastore.stall-timeout=0.3']],
  ['one', ['-c', 'riastore.stall-timeout=500', '-c', 'remote.store.riastore-stall-timeout=0.3']],
])(
  'git gives a silent server up after the stall timeout that is set for %s of the remotes',
  async (_name, settings) => {
    const repository = workspace.path(`repository-${_name}`)
    const env = { ...workspace.env, AWS_EC2_METADATA_DISABLED: 'true' }
    await run('git', ['init', '-q', repository], { env })
    const url = `s3+http://${address}/bucket/abc/def`
    await run('git', ['-C', repository, 'remote', 'add', 'store', url], { env })
    const result = await run('git', ['-C', repository, ...settings, 'ls-remote', 'store'], { env })
    expect(result.status, explain(result)).toBe(128)
    expect(result.stderr).toContain('no progress for 0.3 s')
  },
)
