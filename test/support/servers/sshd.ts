import { once } from 'node:events'
import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendants, killTree } from '../programs/processes.ts'
import { systemProgram } from '../programs/programs.ts'
import { type Running, runOk, start } from '../programs/run.ts'
import type { Workspace } from '../worlds/workspace.ts'

export interface SshdOptions {
  /** The account to log in to; default the one that runs the tests. Only root can have others. */
  readonly user?: string
  /**
   * Nothing but the SFTP subsystem, in this directory: all its parents have to belong to root and
   * be writable by nobody else.
   */
  readonly sftpOnly?: { readonly chroot: string }
  /** More lines for sshd_config. They come first, and the first one counts. */
  readonly config?: readonly string[]
}

/**
 * A real sshd on 127.0.0.1, with keys of its own, reached through a host alias in the workspace's
 * ssh configuration.
 */
export interface Sshd {
  /** Name to be used in URLs: `ria+ssh://<alias>/path`. */
  readonly alias: string
  readonly port: number
  /**
   * Adds another alias for the same server: through a proxy's port, or with other client settings.
   */
  addAlias(name: string, settings?: Readonly<Record<string, string | number>>): Promise<string>
  /** Connections on which somebody logged in, since the start or the last `forgetConnections`. */
  connections(): Promise<number>
  /** Sessions (commands and subsystems) that were opened on them. */
  sessions(): Promise<string[]>
  forgetConnections(): Promise<void>
  log(): Promise<string>
  /** No new connections; those that are open go on. */
  stopListening(): Promise<void>
  /** Ends the server and every connection at once. */
  kill(): Promise<void>
  /** Kills the connections that are open; new ones are possible. */
  killConnections(): Promise<void>
  /** Comes back at the same port. */
  restart(): Promise<void>
}

/** How long it may take to come up; ms. */
const START_MS = 300_000

let counter = 0

export async function startSshd(workspace: Workspace, options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await systemProgram('sshd')
  const name = `host${++counter}`
  const directory = workspace.path(`sshd-${name}`)
  const file = (base: string) => `${directory}/${base}`
  const user = options.user ?? userInfo().username
  await mkdir(file('home'), { recursive: true })
  // sshd insists on it, and on Debian only its service makes it.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
  for (const key of ['host_key', 'user_key']) {
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file(key)])
  }
  await writeFile(file('authorized_keys'), await readFile(file('user_key.pub')), { mode: 0o644 })
  await writeFile(file('home/.gitconfig'), await readFile(workspace.env.GIT_CONFIG_GLOBAL ?? ''))
  await chmod(directory, 0o755)
  const port = await freePort()
  const { sftpOnly } = options
  const lines = [
    ...(options.config ?? []),
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host_key')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'LogLevel VERBOSE',
    'UseDNS no',
    // Several test files at once open many connections.
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
    `SetEnv HOME=${file('home')} GIT_CONFIG_GLOBAL=${file('home/.gitconfig')} GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8`,
    ...(sftpOnly
      ? [
          `ChrootDirectory ${sftpOnly.chroot}`,
          'ForceCommand internal-sftp',
          'AllowTcpForwarding no',
          'PermitTTY no',
          'X11Forwarding no',
        ]
      : []),
  ]
  await writeFile(file('sshd_config'), `${lines.join('\n')}\n`)
  await writeFile(file('log'), '')
  const [type, key] = (await readFile(file('host_key.pub'), 'utf8')).split(' ')
  await appendFile(workspace.knownHostsFile, `${name} ${type} ${key}\n`)

  let server: Running | undefined
  let forgotten = 0
  /** Sessions that outlive the process that accepted them. */
  const orphans: number[] = []
  const log = () => readFile(file('log'), 'utf8')
  const linesWith = async (pattern: RegExp) => {
    const recent = (await log()).slice(forgotten)
    return recent.split('\n').filter((line) => pattern.test(line))
  }
  const listen = async () => {
    server = start(sshd, ['-D', '-f', file('sshd_config'), '-E', file('log')], { timeoutMs: 24 * 3_600_000 })
    await answers(port, server, log)
  }
  const self: Sshd = {
    alias: name,
    port,
    addAlias: async (alias, settings = {}) => {
      const all: Record<string, string | number> = {
        HostName: '127.0.0.1',
        HostKeyAlias: name,
        Port: port,
        User: user,
        IdentityFile: file('user_key'),
        IdentitiesOnly: 'yes',
        UserKnownHostsFile: workspace.knownHostsFile,
        GlobalKnownHostsFile: '/dev/null',
        StrictHostKeyChecking: 'yes',
        BatchMode: 'yes',
        LogLevel: 'ERROR',
        ...settings,
      }
      const block = Object.entries(all).map(([option, value]) => `  ${option} ${value}`)
      await appendFile(workspace.sshConfigFile, `Host ${alias}\n${block.join('\n')}\n`)
      return alias
    },
    connections: async () => (await linesWith(/Accepted publickey/)).length,
    sessions: async () =>
      (await linesWith(/Starting session: /)).map((line) => line.replace(/.*Starting session: /, '')),
    forgetConnections: async () => {
      forgotten = (await log()).length
    },
    log,
    stopListening: async () => {
      if (server === undefined) return
      orphans.push(...(await descendants(server.pid)).map((info) => info.pid))
      await end(server, () => server?.child.kill('SIGTERM'))
      server = undefined
    },
    kill: async () => {
      for (const orphan of orphans.splice(0)) await killTree(orphan)
      if (server === undefined) return
      const { pid } = server
      await end(server, () => killTree(pid))
      server = undefined
    },
    killConnections: async () => {
      if (server !== undefined) await killTree(server.pid, { root: false })
    },
    restart: async () => {
      await self.kill()
      await listen()
    },
  }
  await self.addAlias(name)
  workspace.onRemove(self.kill)
  await listen()
  return self
}

/**
 * Does what ends the server and waits until it is gone; its sessions may still hold its output
 * open.
 */
async function end(server: Running, action: () => unknown): Promise<void> {
  const gone =
    server.child.exitCode === null && server.child.signalCode === null ? once(server.child, 'exit') : undefined
  await action()
  await gone
}

async function answers(port: number, server: Running, log: () => Promise<string>): Promise<void> {
  const giveUp = performance.now() + START_MS
  for (;;) {
    if (await canConnect(port)) return
    if (server.child.exitCode !== null || performance.now() > giveUp) {
      throw new Error(`sshd did not start: ${server.stderr()}${await log()}`)
    }
    await sleep(20)
  }
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Returns a TCP port of 127.0.0.1 that nobody uses just now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
