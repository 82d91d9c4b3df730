import { access } from 'node:fs/promises'
import { run } from '../../core/process/run.ts'
import { expandHome, type SshConfig } from './config.ts'

export interface KnownHostKey {
  /** `ssh-ed25519`, `ssh-rsa`, … */
  readonly type: string
  /** The public key as it comes over the wire. */
  readonly blob: Buffer
}

/**
 * The host keys that the user's known_hosts files have for a host; undefined when they hold what
 * only OpenSSH can judge (certificate authorities, revoked keys). The files are searched by
 * ssh-keygen, which knows hashed names and patterns (sshd(8)).
 */
export async function readKnownHostKeys(config: SshConfig): Promise<readonly KnownHostKey[] | undefined> {
  const name = config.get('hostkeyalias') ?? portName(config)
  const lists = await Promise.all(knownHostsFiles(config).map((file) => search(file, name)))
  const lines = lists.flat()
  if (lines.some((line) => line.startsWith('@'))) return undefined
  return lines.flatMap((line) => {
    const [, type, key] = line.split(' ')
    return type && key ? [{ type, blob: Buffer.from(key, 'base64') }] : []
  })
}

function portName(config: SshConfig): string {
  const host = config.get('hostname') ?? config.target.host
  const port = config.get('port') ?? '22'
  return port === '22' ? host : `[${host}]:${port}`
}

function knownHostsFiles(config: SshConfig): string[] {
  return ['userknownhostsfile', 'globalknownhostsfile'].flatMap((option) =>
    config.all(option).flatMap((value) => value.split(' ').map(expandHome)),
  )
}

async function search(file: string, name: string): Promise<string[]> {
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (!exists) return []
  const { stdout } = await run('ssh-keygen', ['-F', name, '-f', file])
  return stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
}
