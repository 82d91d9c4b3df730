import type { Job } from '../annex/remote.ts'
import { ConfigError } from '../core/errors.ts'
import { run } from '../core/process/run.ts'
import { withoutPassword } from '../core/secret.ts'
import { endpointOf } from '../ria/settings/s3-credentials.ts'
import type { LocalSetting, StoreUrl } from '../ria/settings/settings.ts'
import { webdavServerOf } from '../ria/settings/webdav.ts'
import type { Login } from '../store/dav/authorization.ts'
import type { Configured } from './configure.ts'

/** What git-annex's own S3 remote calls its credentials. */
const S3_CREDS = 's3creds'

/** And its WebDAV remote. */
const WEBDAV_CREDS = 'davcreds'

/** The keys that git-annex keeps for the remote. */
export async function keptCredentials(job: Job) {
  const creds = await job.getCreds(S3_CREDS)
  return creds && { accessKeyId: creds.user, secretAccessKey: creds.password }
}

/** The user and password of WebDAV that git-annex keeps for the remote. */
export function keptLogin(job: Job): Promise<Login | undefined> {
  return job.getCreds(WEBDAV_CREDS)
}

/**
 * When a remote is made: keeps what its maker has just shown to be good for its servers, of S3 or
 * of WebDAV. git-annex keeps the keys, and git's configuration of this repository the servers.
 * Throws ConfigError.
 */
export async function keepAccess(job: Job, configured: Configured): Promise<void> {
  const { url, pushUrl } = configured.config
  const urls = [url, ...(pushUrl === undefined ? [] : [pushUrl])]
  const endpoints = urls.flatMap((url) => endpointOf(url) ?? [])
  if (endpoints.length > 0) await keepKeys(job)
  await remember(configured, 'riastore-s3-endpoint', endpoints)
  const servers = urls.flatMap(({ location }) => webdavServerOf(location) ?? [])
  if (servers.length > 0) await keepLogin(job)
  await remember(configured, 'riastore-webdav-endpoint', servers)
}

/** Keys that are only good with a session's token would soon be of no use. */
async function keepKeys(job: Job): Promise<void> {
  const { AWS_ACCESS_KEY_ID: user, AWS_SECRET_ACCESS_KEY: password, AWS_SESSION_TOKEN: token } = process.env
  if (!user || !password || token || !/^\S+$/.test(password)) return
  await keep(
    job,
    S3_CREDS,
    { user, password },
    'The AWS keys were not kept: with this encryption git-annex would commit them',
  )
}

/** What git's credential helpers have they keep themselves. */
async function keepLogin(job: Job): Promise<void> {
  const { WEBDAV_USERNAME: user, WEBDAV_PASSWORD: password } = process.env
  if (!user || !password || !/^\S+( +\S+)*$/.test(password)) return
  await keep(
    job,
    WEBDAV_CREDS,
    { user, password },
    'WEBDAV_PASSWORD was not kept: with this encryption git-annex would commit it',
  )
}

/**
 * As git-annex's own remotes of the kind do, but only when the remote is made, and what its
 * protocol can tell. Never where it would be committed without being asked for: git-annex does so
 * by default with a gpg key.
 */
async function keep(job: Job, name: string, { user, password }: Login, refusal: string): Promise<void> {
  if (!/^\S+$/.test(user)) return
  const [embed, cipherKeys] = await Promise.all([job.getConfig('embedcreds'), job.getConfig('cipherkeys')])
  if (embed === '' && cipherKeys !== '') {
    job.info(`${refusal}. embedcreds=yes or no decides.`)
  } else job.setCreds(name, user, password)
}

/**
 * The user who made the remote named its servers, though the URL will be read from the git-annex
 * branch from now on.
 */
async function remember(
  { gitDir, name, git }: Configured,
  setting: LocalSetting,
  servers: readonly string[],
): Promise<void> {
  const key = `remote.${name}.${setting}`
  for (const server of new Set(servers)) {
    if (name === undefined || git.all(key).includes(server)) continue
    const args = [`--git-dir=${gitDir}`, 'config', '--add', key, server]
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
