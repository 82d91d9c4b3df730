import { ConfigError } from '../core/errors.ts'

/** A GitLab. */
export interface GitLabAddress {
  /** The URL of its front page, without a slash at its end; it may lie below a path. */
  readonly url: string
  /** Host and port, as messages name it. */
  readonly host: string
}

export interface AddressOptions {
  /** The token may be sent without encryption to another machine. Default false. */
  readonly allowHttp?: boolean | undefined
}

const LOOPBACK = /^(localhost|.*\.localhost|127(\.[0-9]+){3}|\[::1\])$/i

/**
 * Reads the address of a GitLab: a URL, or a host, which is then spoken to by https. Throws
 * ConfigError; passwords in it are not shown. Plain http is for this very machine only, unless it
 * is allowed.
 */
export function parseGitLabUrl(text: string, { allowHttp = false }: AddressOptions = {}): GitLabAddress {
  const given = text.trim()
  const url = toUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `https://${given}`)
  if (url === undefined)
    throw new ConfigError('the address of GitLab is no URL: give one as https://gitlab.example.org')
  if (url.username !== '' || url.password !== '') {
    throw new ConfigError(`the address of GitLab, ${url.host}, has a user or a password in it: leave them out`)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ConfigError(`the address of GitLab has to begin with https://, not with ${url.protocol}//`)
  }
  if (url.protocol === 'http:' && !allowHttp && !LOOPBACK.test(url.hostname)) {
    throw new ConfigError(
      `GitLab at http://${url.host}: the token would be sent unencrypted. Give its https:// address, or allow that (--allow-http)`,
    )
  }
  if (url.search !== '' || url.hash !== '')
    throw new ConfigError(`the address of GitLab, ${url.host}, has a ? or # in it`)
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/v4$/, '')
  return { url: url.origin + path, host: url.host + path }
}

function toUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Whether two addresses are those of one GitLab. What is no address is nobody's. */
export function isSameGitLab(one: string, { url }: GitLabAddress): boolean {
  try {
    return parseGitLabUrl(one, { allowHttp: true }).url === url
  } catch {
    return false
  }
}
