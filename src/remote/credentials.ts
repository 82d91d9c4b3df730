import type { Job } from '../annex/remote.ts'
import { ConfigError } from '../core/errors.ts'
import { run } from '../core/process/run.ts'
import { withoutPassword } from '../core/secret.ts'
import { endpointOf } from '../ria/settings/s3-credentials.ts'
import type { StoreUrl } from '../ria/settings/settings.ts'
import type { Configured } from './configure.ts'

/** What git-annex's own S3 remote calls its credentials. */
const S3_CREDS = 's3creds'

/** The keys that git-annex keeps for the remote. */
export async function keptCredentials(job: Job) {
  const creds = await job.getCreds(S3_CREDS)
  return creds && { accessKeyId: creds.user, secretAccessKey: creds.password }
}

/**
 * When a remote is made: keeps what its maker has just shown to be good for its S3 servers.
 * git-annex keeps the keys, and git's configuration of this repository the servers. Throws
 * ConfigError.
 */
export async function keepAccess(job: Job, configured: Configured): Promise<void> {
  const { url, pushUrl } = configured.config
  const endpoints = [url, pushUrl].flatMap((url) => (url === undefined ? [] : (endpointOf(url) ?? [])))
  if (endpoints.length > 0) await keepCredentials(job)
  await rememberEndpoints(configured, endpoints)
}

/**
 * As git-annex's own S3 remote does, but only when the remote is made. Keys that are only good with
 * a session's token would soon be of no use. Never where they would be committed without being
 * asked to: git-annex does so by default with a gpg key.
 */
async function keepCredentials(job: Job): Promise<void> {
  const { AWS_ACCESS_KEY_ID: user, AWS_SECRET_ACCESS_KEY: password, AWS_SESSION_TOKEN: token } = process.env
  if (!user || !password || token || !/^\S+$/.test(user) || !/^\S+$/.test(password)) return
  const [embed, cipherKeys] = await Promise.all([job.getConfig('embedcreds'), job.getConfig('cipherkeys')])
  if (embed === '' && cipherKeys !== '') {
    job.info(
      'The AWS keys were not kept: with this encryption git-annex would commit them. embedcreds=yes or no decides.',
    )
  } else job.setCreds(S3_CREDS, user, password)
}

/**
 * The user who made the remote named its servers, though the URL will be read from the git-annex
 * branch from now on.
 */
async function rememberEndpoints({ gitDir, name, config }: Configured, endpoints: readonly string[]): Promise<void> {
  for (const endpoint of new Set(endpoints)) {
    if (name === undefined || config.s3Endpoints.ofRemote.has(endpoint)) continue
    const args = [`--git-dir=${gitDir}`, 'config', '--add', `remote.${name}.riastore-s3-endpoint`, endpoint]
    const { code, stderr } = await run('git', args)
    if (code !== 0) throw new ConfigError(`git config cannot note the server of the store: ${stderr}`)
  }
}

/** What is committed goes to everybody who clones the dataset. */
export function refuseToCommitPassword({ text, isLocal }: StoreUrl): void {
  const shown = withoutPassword(text)
  if (isLocal || shown === text) return
  throw new ConfigError(`${shown} was given with a password, which would be committed: set it as remote.<name>.ora-url`)
}
