import { ConfigError } from '../core/errors.ts'
import { withoutPassword } from '../core/secret.ts'
import type { StoreLocation } from '../store/open.ts'

/**
 * Reads the URL of a RIA store, `ria+file:///path`, `ria+ssh://[user@]host[:port]/path`, `ria+sftp://…` or `ria+http(s)://host[:port]/path`.
 * Throws ConfigError that says what is wrong with it.
 */
export function parseStoreUrl(text: string): StoreLocation {
  const fail = (what: string) => new ConfigError(`the store URL ${withoutPassword(text)} ${what}`)
  if (!text.startsWith('ria+')) throw fail('does not start with ria+')
  if (!URL.canParse(text)) throw fail('cannot be read')
  const url = new URL(text)
  if (url.hash !== '') throw fail('has a fragment (#…): it shall name the store, not a dataset')
  if (url.search !== '') throw fail('has a query (?…)')
  const path = decodePath(url.pathname).replace(/\/+$/, '')
  const scheme = url.protocol.slice('ria+'.length, -1)
  switch (scheme) {
    case 'file':
      if (url.hostname !== '' && url.hostname !== 'localhost') throw fail('names a host: file URLs have three slashes')
      if (path === '') throw fail('names the root directory')
      return { scheme, path }
    case 'ssh':
    case 'sftp': {
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
      if (host === '') throw fail('names no host')
      // ssh would take them for options
      if (host.startsWith('-') || url.username.startsWith('-'))
        throw fail('has a host or user that starts with a hyphen')
      if (url.password !== '') throw fail('has a password: ssh takes none from a URL, use a key or an agent')
      const user = url.username === '' ? {} : { user: decodeURIComponent(url.username) }
      const port = url.port === '' ? {} : { port: Number(url.port) }
      return { scheme, path, target: { host: decodeURIComponent(host), ...user, ...port } }
    }
    case 'http':
    case 'https':
      if (url.hostname === '') throw fail('names no host')
      return { scheme, url: text.slice('ria+'.length).replace(/\/+$/, '') }
    default:
      throw fail(`has the scheme ria+${scheme}; known are ria+file, ria+ssh, ria+sftp, ria+http and ria+https`)
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path // a % that escapes nothing
  }
}
