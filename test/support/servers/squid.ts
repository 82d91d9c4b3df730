import { chmod, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { killTree } from '../programs/processes.ts'
import { systemProgram } from '../programs/programs.ts'
import { start } from '../programs/run.ts'
import { temporaryDirectory } from '../stores/stores.ts'
import { freePort } from './sshd.ts'
import { canConnect } from './webdav.ts'

/**
 * A name that only the proxy can look up: nobody reaches it directly. Two letters, for Ceph takes a
 * host that could name a bucket for one.
 */
export const BEHIND = 'q9'

/** A real proxy on 127.0.0.1. */
export interface Squid {
  /** `127.0.0.1:<port>` */
  readonly host: string
  /** What it was asked: of each request `TCP_TUNNEL/200 CONNECT q9:8443`. */
  asked(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Of those who log in; without, everybody may use it. */
export interface SquidOptions {
  readonly login?: { readonly user: string; readonly password: string }
}

/** Squid, which takes BEHIND for this computer. It keeps what it fetched as long as it likes. */
export async function startSquid({ login }: SquidOptions = {}): Promise<Squid> {
  const directory = await temporaryDirectory()
  const file = (name: string) => `${directory.path}/${name}`
  await chmod(directory.path, 0o777) // as root it serves as another user
  const port = await freePort()
  await writeFile(file('hosts'), `127.0.0.1 ${BEHIND}\n`)
  if (login) {
    const helper = `#!/bin/sh\nwhile read -r name word; do\n[ "$name $word" = "${login.user} ${login.password}" ] && echo OK || echo ERR\ndone\n`
    await writeFile(file('helper'), helper, { mode: 0o755 })
  }
  const lines = [
    `http_port 127.0.0.1:${port}`,
    `hosts_file ${file('hosts')}`,
    `pid_filename ${file('pid')}`,
    `cache_log ${file('log')}`,
    `logformat asked %Ss/%03>Hs %rm %ru`,
    `access_log stdio:${file('asked')} asked`,
    `coredump_dir ${directory.path}`,
    'buffered_logs off',
    'shutdown_lifetime 0 seconds',
    'netdb_filename none',
    'pinger_enable off',
    'cache_mem 8 MB',
    'refresh_pattern . 1440 100% 1440 override-expire ignore-private',
    ...(login
      ? [
          `auth_param basic program ${file('helper')}`,
          'acl known proxy_auth REQUIRED',
          'http_access allow known',
          'http_access deny all',
        ]
      : ['http_access allow all']),
  ]
  await writeFile(file('conf'), `${lines.join('\n')}\n`)
  const server = start(await systemProgram('squid'), ['-N', '-f', file('conf')], { timeoutMs: 24 * 3_600_000 })
  while (!(await canConnect(port))) {
    if (server.child.exitCode !== null)
      throw new Error(`squid did not start: ${server.stderr()}${await readFile(file('log'), 'utf8')}`)
    await sleep(20)
  }
  return {
    host: `127.0.0.1:${port}`,
    asked: async () => (await readFile(file('asked'), 'utf8').catch(() => '')).split('\n').filter(Boolean),
    close: async () => {
      await killTree(server.pid)
      await directory.remove()
    },
  }
}
