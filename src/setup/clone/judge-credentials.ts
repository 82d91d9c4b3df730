import type { Outcome } from '../../core/finding.ts'
import type { GitConfig } from '../../core/git-config.ts'
import type { StoreLocation } from '../../store/location.ts'
import type { OpenSettings } from '../../store/open.ts'
import { shellWord } from './shell-word.ts'

export interface CredentialsAsked {
  readonly location: StoreLocation
  readonly settings: Pick<OpenSettings, 's3' | 'dav'>
  readonly git: GitConfig
  readonly remote: string
  readonly env: NodeJS.ProcessEnv
  /** The store let itself be read. */
  readonly isReadable: boolean
}

/**
 * Says where the credentials for a store in S3, or behind WebDAV, come from, and never what they
 * are; undefined for another store.
 */
export function judgeCredentials(asked: CredentialsAsked): Outcome | undefined {
  const { scheme } = asked.location
  if (scheme === 's3+http' || scheme === 's3+https') return ofS3(asked)
  if (scheme === 'dav' || scheme === 'davs') return ofWebdav(asked)
  if (scheme === 'http' || scheme === 'https') return ofWeb(asked.location.url)
  return undefined
}

function ofS3({ location, settings: { s3 = {} }, remote, env, isReadable }: CredentialsAsked): Outcome {
  const { credentials, unsigned, profile } = s3
  if (credentials === 'none') {
    const endpoint = 'endpoint' in location ? new URL(location.endpoint).origin : ''
    const result = isReadable ? 'warning' : 'failed'
    if (unsigned !== undefined) {
      const setting = shellWord(`remote.${remote}.riastore-s3-endpoint`)
      const why = `there are AWS keys, but they are sent to no server that only the dataset names`
      return [result, why, `git config --add ${setting} ${shellWord(endpoint)}`]
    }
    const why = 'none were found, so requests are not signed: only what is public can be read'
    return [result, why, 'export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…, or aws configure']
  }
  if (typeof credentials === 'object') return ['ok', 'AWS keys that git-annex keeps for the remote in .git/annex/creds']
  if (typeof credentials === 'function') return ['ok', "AWS's configuration files, SSO, or the role of this machine"]
  if (profile) return ['ok', `the profile ${profile} of AWS's configuration files, by a setting`]
  if (env.AWS_PROFILE) return ['ok', `the profile ${env.AWS_PROFILE} of AWS's configuration files, by AWS_PROFILE`]
  return ['ok', 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment']
}

function ofWebdav({ settings: { dav }, location, git, env, isReadable }: CredentialsAsked): Outcome {
  const user = env.WEBDAV_USERNAME || ('user' in location && location.user)
  if (dav?.environment && user && env.WEBDAV_PASSWORD) return ['ok', 'WEBDAV_PASSWORD in the environment']
  if (dav?.kept !== undefined) return ['ok', 'a password that git-annex keeps for the remote in .git/annex/creds']
  const origin = 'url' in location ? new URL(location.url).origin : ''
  if (dav?.notSent !== undefined) {
    const why = 'WEBDAV_PASSWORD is sent to no server that only the dataset names'
    const mend = `git config --global --add riastore.webdavEndpoint ${shellWord(origin)}`
    return [isReadable ? 'warning' : 'failed', why, mend]
  }
  const helpers = [...git.keys()].filter((key) => /^credential\.(.*\.)?helper$/s.test(key))
  if (helpers.length > 0) return [isReadable ? 'ok' : 'warning', "git's credential helpers are asked for a password"]
  if (isReadable) return ['ok', 'none are set, and the server asks for none to read']
  return ['failed', 'none were found', 'export WEBDAV_USERNAME=… WEBDAV_PASSWORD=…']
}

function ofWeb(url: string): Outcome {
  const { username, password } = new URL(url)
  return ['ok', username || password ? 'a user and a password in the URL' : 'none are sent']
}
