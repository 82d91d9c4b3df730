/** An sshd of our own on 127.0.0.1, and the client programs that reach it. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, kill, treeOf } from './processes.mjs'

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** @param {string} path */
function makeKey(path) {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'riastore-bench', '-f', path])
  return readFileSync(`${path}.pub`, 'utf8').trim()
}

/** Whether an SSH server greets us there. @param {number} port @returns {Promise<boolean>} */
function greets(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (/** @type {boolean} */ answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => end(false))
    socket.on('error', () => end(false))
    socket.on('data', (data) => end(data.toString('latin1').startsWith('SSH-')))
  })
}

/**
 * The keys that the servers and the clients of this run share.
 * @param {string} directory made if it is missing
 */
export function makeKeys(directory) {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const host = makeKey(join(directory, 'host_key'))
  writeFileSync(join(directory, 'authorized_keys'), `${makeKey(join(directory, 'user_key'))}\n`, { mode: 0o600 })
  return { directory, host }
}

/**
 * @param {{directory: string}} keys
 * @param {string} name of its files in that directory
 * @param {string[]} extra lines for sshd_config
 * @returns {Promise<{port: number, stop(): Promise<void>}>}
 */
export async function startSshd(keys, name, extra = []) {
  const file = (/** @type {string} */ suffix) => join(keys.directory, `${name}.${suffix}`)
  const port = await freePort()
  const server = '/usr/lib/openssh/sftp-server'
  const home = join(keys.directory, 'home')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(keys.directory, 'host_key')}`,
    `AuthorizedKeysFile ${join(keys.directory, 'authorized_keys')}`,
    `PidFile ${file('pid')}`,
    `Subsystem sftp ${existsSync(server) ? server : 'internal-sftp'}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'UsePAM no',
    'StrictModes no',
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    'MaxSessions 100',
    'MaxStartups 100:30:200',
    // bash reads ~/.bashrc for each command that it gets over ssh. What the user of this machine
    // has there is no server's: with pyenv's lines a scp took six times as long.
    `SetEnv HOME=${home}`,
    ...extra,
  ]
  writeFileSync(file('conf'), `${lines.join('\n')}\n`)
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const program = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((path) => existsSync(path))
  if (program === undefined) throw new Error('no sshd: apt-get install openssh-server')
  const log = openSync(file('log'), 'a')
  // The shell ends sshd when our end of its stdin is closed, so sshd does not outlive a bench that
  // was killed.
  const script = '"$@" </dev/null & read -r _; kill $!'
  const command = ['-c', script, 'sh', program, '-D', '-e', '-f', file('conf')]
  const child = spawn('/bin/sh', command, { stdio: ['pipe', log, log], detached: true })

  const stop = async () => {
    const tree = treeOf(child.pid)
    kill(tree, 'SIGTERM')
    for (let waited = 0; tree.some(isAlive) && waited < 1000; waited += 20) await sleep(20)
    kill(tree.filter(isAlive), 'SIGKILL')
  }
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (await greets(port)) return { port, stop }
    if (child.exitCode !== null) break
    await sleep(50)
  }
  await stop()
  throw new Error(`sshd did not start: ${readFileSync(file('log'), 'utf8').trim()}`)
}

/**
 * Puts `ssh`, `scp` and `sftp` into a directory for PATH: they know our hosts, and every program
 * that runs plain `ssh` does through them. OpenSSH asks the password file for the home directory,
 * so setting HOME would not do.
 * @param {{directory: string, host: string}} keys
 * @param {string} bin
 * @param {Record<string, number>} hosts alias → port
 */
export function writeClients(keys, bin, hosts) {
  const config = join(keys.directory, 'ssh_config')
  const known = join(keys.directory, 'known_hosts')
  const [type, key] = keys.host.split(' ')
  writeFileSync(known, [...Object.values(hosts)].map((port) => `[127.0.0.1]:${port} ${type} ${key}\n`).join(''))
  const blocks = Object.entries(hosts).map(([alias, port]) => `Host ${alias}\n  Port ${port}\n`)
  const common = [
    'Host *',
    'HostName 127.0.0.1',
    `User ${userInfo().username}`,
    `IdentityFile ${join(keys.directory, 'user_key')}`,
    'IdentitiesOnly yes',
    'IdentityAgent none',
    `UserKnownHostsFile ${known}`,
    'GlobalKnownHostsFile /dev/null',
    'StrictHostKeyChecking yes',
    'BatchMode yes',
    'ConnectTimeout 20',
  ]
  writeFileSync(config, `${blocks.join('')}${common.join('\n  ')}\n`)
  for (const program of ['ssh', 'scp', 'sftp']) {
    const path = join(bin, program)
    writeFileSync(path, `#!/bin/sh\nexec /usr/bin/${program} -F '${config}' "$@"\n`)
    chmodSync(path, 0o755)
  }
}
