import { StoreError } from '../../core/errors.ts'
import type { ByteRange } from '../store.ts'
import type { Answer } from './http-client.ts'
import { contentLength } from './http-headers.ts'
import { isPackedByServer, packingOf } from './http-packed.ts'
import { parseContentRange } from './http-wire.ts'

/** The length of the whole file, where the answer says it. */
export function wholeLength({ status, response }: Answer): number | undefined {
  if (status === 206) return parseContentRange(response.headers['content-range'])?.total
  return contentLength(response.headers)
}

/** The name of what the server made of a file on its own account, when it did. */
export function packingByServer({ response }: Answer, path: string): string | undefined {
  const packing = packingOf(response.headers['content-encoding'])
  return isPackedByServer(packing, path) ? packing : undefined
}

/** A server that sends everybody to its login page answers 200 for what it does not have. */
export function refuseLoginPage(op: string, url: string, { redirected, host, response }: Answer): void {
  const isPage = /^text\/html\b/i.test(response.headers['content-type'] ?? '')
  if (redirected && isPage && !/\.x?html?$/i.test(url)) {
    throw new StoreError({ kind: 'denied', op, where: url, message: `redirected to a web page of ${host} (a login?)` })
  }
}

/** A range that has bytes, as a header (RFC 9110, section 14.2). */
export function rangeHeader({ start, end }: ByteRange): { readonly range: string } {
  return { range: `bytes=${start}-${end === undefined ? '' : end - 1}` }
}
