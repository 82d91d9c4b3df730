import { ConfigError } from '../core/errors.ts'
import { withoutPassword } from '../core/secret.ts'
import { decode, isText } from '../core/text.ts'
import type { StoreLocation } from '../store/location.ts'

/**
 * Reads the URL of a RIA store, `ria+file:///path`, `ria+ssh://[user@]host[:port]/path`,
 * `ria+sftp://…`, `ria+http(s)://host[:port]/path`, `ria+dav(s)://[user@]host[:port]/path` or
 * `ria+s3+http(s)://host[:port]/bucket[/prefix]`. Throws ConfigError that says what is wrong with
 * it.
 */
export function parseStoreUrl(text: string): StoreLocation {
  const fail = (what: string) => new ConfigError(`the store URL ${withoutPassword(text)} ${what}`)
  if (!text.startsWith('ria+')) throw fail(`does not start with ria+${hint(suggestStoreUrl(text))}`)
  if (/[\t\r\n\0]|^\s|\s$/.test(text)) throw fail('has white space in it that is not escaped (%20 is a space)')
  const escaped = escapeBytes(text)
  if (!URL.canParse(escaped)) throw fail('cannot be read')
  const url = new URL(escaped)
  if (url.hash !== '') throw fail('has a fragment (#…): it shall name the store, not a dataset')
  if (url.search !== '') throw fail('has a query (?…)')
  const path = unescapeText(url.pathname).replace(/\/+$/, '')
  if (path.includes('\0')) throw fail('has a NUL in its path')
  const scheme = url.protocol.slice('ria+'.length, -1)
  switch (scheme) {
    case 'file':
      if (url.hostname !== '' && url.hostname !== 'localhost') {
        throw fail(`names a host: file URLs have three slashes${hint(usable(text.replace('://', ':///')))}`)
      }
      if (path === '') throw fail('names the root directory')
      if (!path.startsWith('/')) throw fail('has a path that does not start with a slash')
      return { scheme, path }
    case 'ssh':
    case 'sftp': {
      const host = unescapeText(url.hostname.replace(/^\[(.*)\]$/, '$1'))
      const name = unescapeText(url.username)
      if (host === '') throw fail('names no host')
      if (!isHost(host) || !isUser(name)) throw fail('has a host or user name that ssh would not take')
      if (url.password !== '') throw fail('has a password: ssh takes none from a URL, use a key or an agent')
      // git would expand it, where keys are put it is a name: the two would lie in different
      // places.
      if (path.startsWith('/~')) throw fail('has a path that begins with /~: write the home directory out')
      const user = name === '' ? {} : { user: name }
      const port = url.port === '' ? {} : { port: Number(url.port) }
      return { scheme, path, target: { host, ...user, ...port } }
    }
    case 'http':
    case 'https':
      if (url.hostname === '') throw fail('names no host')
      return { scheme, url: text.slice('ria+'.length).replace(/\/+$/, '') }
    case 'dav':
    case 'davs': {
      if (url.hostname === '') throw fail('names no host')
      if (url.password !== '') {
        throw fail("has a password: WebDAV takes it from WEBDAV_PASSWORD or git's credential helpers")
      }
      const user = url.username === '' ? {} : { user: unescapeText(url.username) }
      const root = `${scheme === 'davs' ? 'https' : 'http'}://${url.host}${url.pathname}`
      return { scheme, url: root.replace(/\/+$/, ''), ...user }
    }
    case 's3+http':
    case 's3+https': {
      if (url.hostname === '') throw fail('names no host')
      if (url.username !== '' || url.password !== '')
        throw fail('has a user or password: AWS has its own places for keys')
      const [, bucket = '', ...prefix] = path.split('/')
      if (!isBucket(bucket)) throw fail('names no bucket: the first part of its path should')
      if (prefix.some((part) => ['', '.', '..'].includes(part))) throw fail('has an empty part in its path')
      if (!isText(path)) throw fail('has a path that is not UTF-8, which S3 needs')
      return { scheme, endpoint: `${scheme.slice('s3+'.length)}://${url.host}`, bucket, prefix: prefix.join('/') }
    }
    default:
      throw fail(
        `has the scheme ria+${scheme}; known are ria+file, ria+ssh, ria+sftp, ria+http(s), ria+dav(s), ria+s3+http and ria+s3+https`,
      )
  }
}

/**
 * The URL that was most likely meant by a text that is none of a store: a URL without `ria+`, an
 * absolute path, or ssh's `host:path`. Undefined when nothing that could be used comes to mind.
 */
export function suggestStoreUrl(text: string): string | undefined {
  const [, host = '', path = ''] = /^([^:/?#]+):(\/(?!\/).*)$/s.exec(text) ?? []
  if (text.startsWith('/')) return usable(`ria+file://${escapePath(text)}`)
  return usable(`ria+${text}`) ?? (host === '' ? undefined : usable(`ria+ssh://${host}${escapePath(path)}`))
}

/** A URL, if it is one of a store, without what must not be shown. */
function usable(url: string): string | undefined {
  try {
    parseStoreUrl(url)
    return withoutPassword(url)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return undefined
  }
}

function hint(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : ` (${suggestion}?)`
}

/** What means something in a URL, or ends it, escaped. */
function escapePath(path: string): string {
  return path.replace(/[%?#\s\p{Cc}]/gu, encodeURIComponent)
}

/**
 * What ssh itself takes (valid_hostname and valid_ruser in its ssh.c): nothing that it could read
 * as an option, nor a shell that runs the ProxyCommand of the user's configuration.
 */
function isHost(name: string): boolean {
  return !name.startsWith('-') && !/['"`$\\;&<>|(){}\s\p{Cc}\p{Cs}]/u.test(name)
}

function isUser(name: string): boolean {
  return !name.startsWith('-') && !/['"`;&<>|(){}\p{Cc}\p{Cs}]|\s-|\\$/u.test(name)
}

/** AWS's rules with what older buckets and Ceph (`tenant:bucket`) have besides. */
function isBucket(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{1,254}$/.test(name)
}

/** Bytes that are no UTF-8, percent-escaped: URL would replace them. */
function escapeBytes(text: string): string {
  return text.replace(/\p{Cs}/gu, (byte) => `%${(byte.charCodeAt(0) & 0xff).toString(16)}`)
}

/** Undoes percent-escapes, of whatever bytes. A % that escapes nothing stays. */
export function unescapeText(text: string): string {
  const bytes = Buffer.from(text).toString('latin1')
  const unescaped = bytes.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return decode(Buffer.from(unescaped, 'latin1'))
}
