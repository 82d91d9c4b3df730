import { ConfigError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { encodePath } from '../common/http-wire.ts'
import type { Logins } from './authorization.ts'
import { pathOfUrl } from './paths.ts'

/**
 * A claim that was there for so long, while nothing got the name, is taken away. Its owner may well
 * be alive: then it stores nothing. ms.
 */
export const CLAIM_STALE_MS = 30_000

export interface DavSettings {
  /** `http[s]://host[:port][/path]`, the store's root, without credentials. */
  readonly url: string
  /** Who logs in, if the URL says it. */
  readonly user?: string | undefined
  /** Default: what git's credential helpers have, and nothing else. */
  readonly logins?: Logins | undefined
  /** For WEBDAV_USERNAME and WEBDAV_PASSWORD, and for git. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv
  readonly git?: GitConfig | undefined
  /** Default: CLAIM_STALE_MS. */
  readonly claimStaleMs?: number
}

/** Where a store is, parsed. */
export interface DavRoot {
  readonly origin: string
  /** Escaped as we escape, without a slash at its end. */
  readonly url: string
}

/** Throws ConfigError, without showing credentials. */
export function parseRoot(text: string): DavRoot {
  if (!URL.canParse(text)) throw new ConfigError('not a URL of a WebDAV server')
  const { protocol, origin, pathname, search, hash, username, password } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') throw new ConfigError(`${protocol} is not http: or https:`)
  if (search !== '' || hash !== '') throw new ConfigError(`${origin}: a store's URL cannot have ? or #`)
  if (username !== '' || password !== '') throw new ConfigError(`${origin}: credentials do not belong into its URL`)
  return { origin, url: origin + encodePath(pathOfUrl(pathname)) }
}
