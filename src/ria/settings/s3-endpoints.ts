import { ConfigError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { isRemoteUrl, isUsersUrl, urlsInConfig } from './user-urls.ts'

/**
 * A server of S3 as settings name it: `https://host[:port]`, canonical. Throws ConfigError that
 * names the setting.
 */
export function parseEndpoint(name: string, value: string): string {
  const text = value.replace(/^(?:ria\+)?s3\+/i, '')
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && url.username === '' && url.password === '') return url.origin
  throw new ConfigError(`${name} is not the address of a server, like https://s3.example.org`)
}

/**
 * The servers of S3 that the user, or the administrator, named in git's configuration: in URLs of
 * remotes, of sites, of stores that have a name, and in what insteadOf makes of them. No dataset
 * can bring such a setting along. Endpoints as `parseEndpoint` gives them.
 */
export function endpointsInConfig(git: GitConfig): ReadonlySet<string> {
  const found = new Set<string>()
  for (const url of urlsInConfig(git, (key) => isUsersUrl(key) || isRemoteUrl(key))) {
    // The slash after the host: of `https://s3.exam`, a dataset could choose the rest.
    const [, address] = /^(?:ria\+)?s3\+(https?:\/\/[^/?#\\@]+)\//i.exec(url) ?? []
    if (address !== undefined && URL.canParse(address)) found.add(new URL(address).origin)
  }
  return found
}

/** AWS's own servers: whoever has keys of AWS means these. */
export function isOfAws(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint)
  return protocol === 'https:' && /(^|\.)amazonaws\.com(\.cn)?$/.test(hostname)
}
