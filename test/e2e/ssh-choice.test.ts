import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectSftp, type SshProvider } from '../../src/store/ssh/connect.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { makeWorkspace } from '../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
let sshd: Sshd

beforeAll(async () => {
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  delete process.env.SSH_AUTH_SOCK
  sshd = await startSshd(workspace)
})
afterAll(() => workspace.remove())

/** Connects, and tells what was logged: nothing when ssh2 did it. */
async function connect(host: string, provider: SshProvider = 'auto'): Promise<string[]> {
  const lines: string[] = []
  const channel = await connectSftp({ host }, provider, (line) => lines.push(line))
  channel.destroy()
  await channel.closed
  return lines
}

test('a plain host is reached with ssh2', async () => {
  expect(await connect(sshd.alias)).toEqual([])
})

test('a host behind a jump host is reached with OpenSSH', async () => {
  const host = await sshd.addAlias('behind', { ProxyJump: sshd.alias })
  expect(await connect(host)).toEqual([`${host}: connecting with OpenSSH, as ssh's configuration has proxyjump`])
})

test('ssh2, when it is asked for, says what it cannot do', async () => {
  const host = await sshd.addAlias('behind-too', { ProxyJump: sshd.alias })
  await expect(connect(host, 'ssh2')).rejects.toMatchObject({ kind: 'unsupported', where: host })
})

test('a host whose key is not known is refused, in the words of OpenSSH', async () => {
  const host = await sshd.addAlias('stranger', { UserKnownHostsFile: '/dev/null', StrictHostKeyChecking: 'yes' })
  const error = await connect(host).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: 'denied', where: host, sent: 'no' })
  expect(String(error)).toMatch(/host key verification failed/i)
})

test('a host whose key is another than the known one is refused by both', async () => {
  const other = await startSshd(workspace)
  const host = await sshd.addAlias('impostor', { Port: other.port }) // with the first server's key expected
  await expect(connect(host)).rejects.toMatchObject({ kind: 'denied' })
  await expect(connect(host, 'ssh2')).rejects.toMatchObject({ kind: 'denied' })
})

test('without a usable identity OpenSSH is asked, and its refusal is told', async () => {
  const host = await sshd.addAlias('nobody', { IdentityFile: '/nonexistent', IdentitiesOnly: 'yes' })
  const error = await connect(host).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: 'denied', where: host })
  expect(String(error)).toMatch(/permission denied/i)
})

test('a server that is not there is unreachable with both', async () => {
  const host = await sshd.addAlias('gone', { Port: 1, HostKeyAlias: sshd.alias })
  await expect(connect(host, 'openssh')).rejects.toMatchObject({ kind: 'unreachable', where: host })
  await expect(connect(host)).rejects.toMatchObject({ kind: 'unreachable', where: host })
})
