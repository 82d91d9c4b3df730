import type { IncomingHttpHeaders } from 'node:http'
import type { Stat } from '../store.ts'
import { compresses, packingOf } from './http-packed.ts'

export function contentLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length']
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/**
 * The Stat of a file of `size` bytes. Its identity is the ETag, else the time of the last change
 * and the size. A proxy that marks the ETag as weak passes the same file on, for nobody is to
 * change its bytes.
 */
export function statFrom(headers: IncomingHttpHeaders, size: number, host: string): Stat {
  const { etag, 'last-modified': lastModified = '' } = headers
  const identity = etag?.replace(/^W\//, '') ?? `${lastModified} ${size}`
  const packing = packingOf(headers['content-encoding'])
  const doubt = packing && `${host} ${compresses(packing)}`
  return { size, mtimeMs: timeOf(lastModified), identity, ...(doubt && { doubt }) }
}

/** Ms since 1970, of a time as HTTP writes it. Undefined for what is none. */
export function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : ms
}
