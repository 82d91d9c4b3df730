import { ConfigError } from '../../core/errors.ts'

/** Where a store is, parsed. */
export interface HttpRoot {
  readonly origin: string
  /** Without credentials and without a slash at its end. */
  readonly root: string
  /** The header that its credentials make, for `origin` only. */
  readonly authorization: string | undefined
}

/** Throws ConfigError, without showing credentials. */
export function parseRoot(text: string): HttpRoot {
  if (!URL.canParse(text)) throw new ConfigError('not a URL of a web server')
  const url = new URL(text)
  const root = url.origin + url.pathname.replace(/\/+$/, '')
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ConfigError(`${url.protocol} is not http: or https:`)
  if (url.search !== '' || url.hash !== '') throw new ConfigError(`${root}: a store's URL cannot have ? or #`)
  return { origin: url.origin, root, authorization: basicAuthorization(url, root) }
}

/** RFC 7617, in UTF-8. */
function basicAuthorization({ username, password }: URL, root: string): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(credentials).toString('base64')}`
  } catch {
    throw new ConfigError(`${root}: the user or password in the URL is not percent-encoded properly`)
  }
}
