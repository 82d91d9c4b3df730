import { existsSync } from 'node:fs'
import { StoreError } from '../../core/errors.ts'
import type { Outcome } from '../../core/finding.ts'
import { expandHome, readSshConfig, type SshTarget, targetName } from '../../store/ssh/config.ts'

/** As whom, and with what, ssh logs in, by what OpenSSH says of its own configuration. */
export async function sshCredentials(target: SshTarget, env: NodeJS.ProcessEnv): Promise<Outcome> {
  try {
    const config = await readSshConfig(target)
    const whom = targetName({
      host: config.get('hostname') ?? target.host,
      user: config.get('user') ?? '',
      port: Number(config.get('port') ?? 22),
    })
    const agent = config.get('identityagent') ?? env.SSH_AUTH_SOCK
    const identities = config.all('identityfile').filter((file) => existsSync(expandHome(file)))
    const means = [...(agent && agent !== 'SSH_AUTH_SOCK' ? ['an agent'] : []), ...identities]
    if (means.length > 0) return ['ok', `${whom}, with ${means.join(', ')}`]
    return ['warning', `${whom}: there is neither an agent nor an identity file`, 'ssh-keygen, or ssh-add']
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return ['failed', error.message]
  }
}
