import { decode } from '../../core/text.ts'

/**
 * The path of a URL, or of a `href` of a server, unescaped and without slashes at its end. Escapes
 * may be of any bytes; a % that escapes nothing stays.
 */
export function pathOfUrl(pathname: string): string {
  const bytes = Buffer.from(pathname).toString('latin1')
  const unescaped = bytes.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return decode(Buffer.from(unescaped, 'latin1')).replace(/\/+$/, '')
}

/**
 * The path that a `href` of a multistatus names, be it an address or a path (RFC 4918, section
 * 8.3). Undefined where it is neither.
 */
export function pathOfHref(href: string): string | undefined {
  const [, pathname] = /^(?:https?:\/\/[^/?#]*)?(\/[^?#]*)/i.exec(href.trim()) ?? []
  return pathname === undefined ? undefined : pathOfUrl(pathname)
}

/** The directory that holds a file or directory, by its URL without a slash at its end. */
export function parentOf(url: string): string {
  return url.slice(0, url.lastIndexOf('/'))
}

/** Whether a URL is that of a server as a whole, which is there without being made. */
export function isTop(url: string): boolean {
  return /^https?:\/\/[^/]*$/.test(url)
}
