import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { killTree } from '../programs/processes.ts'
import { systemProgram } from '../programs/programs.ts'
import { type Running, runOk, start } from '../programs/run.ts'
import { temporaryDirectory } from '../stores/stores.ts'
import { freePort } from './sshd.ts'

/** A real WebDAV server on 127.0.0.1. */
export interface WebDavServer {
  /** `http://127.0.0.1:<port>`; everything below is served. */
  readonly url: string
  /** Where its files lie. */
  readonly files: string
  close(): Promise<void>
}

/** Who may log in to a server that asks for it. */
export interface Login {
  readonly user: string
  readonly password: string
}

const MODULES = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic', 'dav', 'dav_fs']

/** Apache with mod_dav, over a new directory. */
export async function startApache(login?: Login): Promise<WebDavServer> {
  const directory = await temporaryDirectory()
  const files = `${directory.path}/files`
  await mkdir(files)
  const port = await freePort()
  const isRoot = process.getuid?.() === 0
  const lines = [
    `ServerRoot ${directory.path}`,
    'ServerName localhost',
    `PidFile ${directory.path}/pid`,
    `ErrorLog ${directory.path}/log`,
    ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    // It serves nobody as root.
    ...(isRoot ? ['User www-data', 'Group www-data'] : []),
    // One process, for one that is no longer needed closes connections that others use.
    ...['ServerLimit 1', 'ThreadsPerChild 64', 'MaxRequestWorkers 64'],
    // A bare store does not try again when one that was kept is closed just then.
    ...['KeepAliveTimeout 600', 'MaxKeepAliveRequests 0'],
    `Listen 127.0.0.1:${port}`,
    `DefaultRuntimeDir ${directory.path}`,
    `DavLockDB ${directory.path}/locks`,
    `DocumentRoot ${files}`,
    `<Directory ${files}>`,
    'Dav On',
    'AllowOverride None',
    ...(login
      ? ['AuthType Basic', 'AuthName test', `AuthUserFile ${directory.path}/users`, 'Require valid-user']
      : ['Require all granted']),
    '</Directory>',
  ]
  await writeFile(`${directory.path}/apache.conf`, `${lines.join('\n')}\n`)
  if (login) await writeFile(`${directory.path}/users`, `${login.user}:${await hashOf(login.password)}\n`)
  if (isRoot) {
    const { uid, gid } = await wwwData()
    for (const path of [directory.path, files]) await chown(path, uid, gid)
  }
  await chmod(directory.path, 0o755)
  const server = start(await systemProgram('apache2'), ['-f', `${directory.path}/apache.conf`, '-DFOREGROUND'], {
    timeoutMs: 24 * 3_600_000,
  })
  const log = () => readFile(`${directory.path}/log`, 'utf8').catch(() => '')
  return served(server, port, files, directory.remove, log)
}

/** Debian's user for web servers. */
async function wwwData(): Promise<{ uid: number; gid: number }> {
  const [, uid = '', gid = ''] = /^www-data:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8')) ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

async function hashOf(password: string): Promise<string> {
  const { stdout } = await runOk('openssl', ['passwd', '-apr1', password])
  return stdout.trim()
}

/** `rclone serve webdav` over a new directory: the WebDAV of Go's library. */
export async function startRclone(login?: Login): Promise<WebDavServer> {
  const directory = await temporaryDirectory()
  const files = `${directory.path}/files`
  await mkdir(files)
  const port = await freePort()
  const options = login ? ['--user', login.user, '--pass', login.password] : []
  const server = start(
    await systemProgram('rclone'),
    [
      'serve',
      'webdav',
      files,
      '--addr',
      `127.0.0.1:${port}`,
      '--config',
      '/dev/null',
      '--dir-cache-time',
      '0s',
      ...options,
    ],
    { timeoutMs: 24 * 3_600_000 },
  )
  return served(server, port, files, directory.remove, async () => '')
}

async function served(
  server: Running,
  port: number,
  files: string,
  remove: () => Promise<void>,
  log: () => Promise<string>,
): Promise<WebDavServer> {
  const giveUp = performance.now() + 60_000
  while (!(await canConnect(port))) {
    if (server.child.exitCode !== null || performance.now() > giveUp) {
      throw new Error(`the WebDAV server did not start: ${server.stderr()}${await log()}`)
    }
    await sleep(20)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    files,
    async close() {
      await killTree(server.pid)
      await remove()
    },
  }
}

/** Whether somebody listens at a port of this computer. */
export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
