import { messageOf, StoreError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { SftpChannel } from './channel.ts'
import { connectClient, planClient } from './client.ts'
import { readSshConfig, type SshTarget, targetName } from './config.ts'
import { connectOpenSsh } from './openssh.ts'

/**
 * Which program makes the connection: ssh2's own client (fast), the user's OpenSSH (can do all), or
 * what fits.
 */
export type SshProvider = 'auto' | 'ssh2' | 'openssh'

/**
 * Opens an SFTP session. `auto` takes ssh2 where the user's ssh configuration asks for nothing that
 * only OpenSSH can do, and falls back to OpenSSH when ssh2 was refused: then the error, if any, is
 * in OpenSSH's own words.
 */
export async function connectSftp(target: SshTarget, provider: SshProvider, log?: Log): Promise<SftpChannel> {
  if (provider === 'openssh') return connectOpenSsh(target)
  const where = targetName(target)
  const plan = await planClient(await readSshConfig(target))
  if (typeof plan === 'string') {
    if (provider === 'ssh2')
      throw new StoreError({ kind: 'unsupported', op: 'connect', where, message: plan, sent: 'no' })
    log?.(`${where}: connecting with OpenSSH, as ${plan}`)
    return connectOpenSsh(target)
  }
  try {
    return await connectClient(plan)
  } catch (error) {
    if (provider === 'ssh2' || !(error instanceof StoreError) || error.kind !== 'denied') throw error
    log?.(`${where}: connecting with OpenSSH, as ssh2 says: ${messageOf(error)}`)
    return connectOpenSsh(target)
  }
}
